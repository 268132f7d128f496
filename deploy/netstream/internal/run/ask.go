package run

import (
	"context"
	"fmt"
	"strings"

	"netstream/services/analyzer"
)

// ask fills in what SQL knows of the result's sources: reasons and talkers.
func (r *Result) ask(ctx context.Context, db *analyzer.Database) error {
	if len(r.Sources) == 0 {
		return nil
	}
	names := make([]string, len(r.Sources))
	for i, s := range r.Sources {
		names[i] = "'" + s.Source + "'" // a valid name of package subject: it has no quotes
	}
	of := "source IN (" + strings.Join(names, ", ") + ")"
	// A packet counts in every monitor that takes it; the talkers are those of the first monitors of kind ipv4 and ipv6.
	const once = ` AND kind IN ('ipv4', 'ipv6') AND monitor IN (SELECT arg_min(name, id) FROM monitors GROUP BY split_part(definition, '=', 2))`
	err := each(ctx, db, `SELECT reason, count(*) AS flows FROM flows WHERE `+of+` GROUP BY reason`, func(t *analyzer.Table, row int) error {
		n, err := number(t, row, 1)
		r.Reasons[t.Text(row, 0)] = n
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, db, `SELECT src_addr, sum(bytes) AS bytes, sum(packets) AS packets FROM flows WHERE `+of+once+`
		GROUP BY src_addr ORDER BY bytes DESC, src_addr LIMIT 5`, func(t *analyzer.Table, row int) error {
		bytes, err := number(t, row, 1)
		if err != nil {
			return err
		}
		packets, err := number(t, row, 2)
		r.Talkers = append(r.Talkers, Talker{Address: t.Text(row, 0), Packets: packets, Bytes: bytes})
		return err
	})
}

// each asks and hands over the rows of the answer.
func each(ctx context.Context, db *analyzer.Database, sql string, f func(t *analyzer.Table, row int) error) error {
	t := &analyzer.Table{}
	if err := db.Query(ctx, sql, t); err != nil {
		return fmt.Errorf("sum up: %w", err)
	}
	for row := range t.Rows {
		if err := f(t, row); err != nil {
			return err
		}
	}
	return nil
}

func number(t *analyzer.Table, row, column int) (n uint64, err error) {
	_, err = fmt.Sscan(t.Text(row, column), &n)
	return n, err
}
