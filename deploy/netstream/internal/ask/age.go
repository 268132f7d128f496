package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"netstream/deploy/netstream/internal/datadir"
	"netstream/pipeline/control"
)

// Age asks for forced aging: the analyzer at the URL, or the process that uses the data directory. Without one there is
// nobody to ask.
func Age(ctx context.Context, data, url string, request control.Request) (result control.Result, err error) {
	if url == "" {
		running, err := datadir.Running(data)
		switch {
		case err != nil:
			return result, err
		case running == nil:
			return result, fmt.Errorf("data directory %s: no process uses it, and only a running one ends flows; name another directory with --data, or an analyzer with --url",
				filepath.Clean(data))
		}
		if url, err = apiOf(data, running); err != nil {
			return result, err
		}
	}
	r, err := newRemote(url)
	if err != nil {
		return result, err
	}
	body, err := json.Marshal(request)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	resp, err := r.do(ctx, http.MethodPost, "api/age", nil, string(body), "application/json")
	if err != nil {
		return result, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return result, r.failure(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(&result); err != nil {
		return result, fmt.Errorf("%s: %w", resp.Request.URL, err)
	}
	return result, nil
}
