package traffic

// rhythm is the activity at each full hour; between them it is interpolated.
// Curves are scaled so that their mean is 1, which keeps the shares of the
// applications averages over a day.
type rhythm [24]float64

var (
	// residential is low before dawn and peaks with the evening's films.
	residential = rhythm{
		0.50, 0.32, 0.20, 0.15, 0.14, 0.18, 0.40, 0.70, 0.80, 0.75, 0.75, 0.80,
		0.90, 0.90, 0.90, 1.00, 1.15, 1.35, 1.60, 1.90, 2.10, 2.00, 1.55, 0.95,
	}.scaled()
	// business is office hours with a lunch break.
	business = rhythm{
		0.08, 0.06, 0.06, 0.06, 0.06, 0.10, 0.25, 0.70, 1.50, 2.20, 2.40, 2.25,
		1.40, 1.80, 2.30, 2.20, 1.80, 1.10, 0.55, 0.35, 0.25, 0.20, 0.15, 0.10,
	}.scaled()
	// nightly is backup and replication.
	nightly = rhythm{
		2.60, 3.80, 4.00, 3.60, 2.60, 1.20, 0.35, 0.15, 0.12, 0.12, 0.12, 0.15,
		0.30, 0.15, 0.12, 0.12, 0.12, 0.15, 0.20, 0.25, 0.35, 0.50, 0.90, 1.70,
	}.scaled()
	// steady is machines that do not sleep.
	steady = rhythm{
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	}
	// onDemand is activity only while an event asks for it.
	onDemand = rhythm{}
)

func (r rhythm) scaled() rhythm {
	var sum float64
	for _, v := range r {
		sum += v
	}
	for i := range r {
		r[i] *= float64(len(r)) / sum
	}
	return r
}

// at returns the activity at an hour in [0, 24).
func (r *rhythm) at(hour float64) float64 {
	i := int(hour)
	f := hour - float64(i)
	return r[i%24]*(1-f) + r[(i+1)%24]*f
}

// hourOf returns the hour of the compressed day, in [0, 24), at t ns.
func hourOf(t, day int64) float64 {
	r := t % day
	if r < 0 {
		r += day
	}
	return float64(r) / float64(day) * 24
}
