package api

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
)

// metrics are the counts of this package. Label sets are bounded: routes and codes are the program's own, never a client's
// text.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	vends    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paywatt_http_requests_total", Help: "HTTP requests answered, by route and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "paywatt_http_request_seconds", Help: "Time to answer an HTTP request, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route"}),
		vends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paywatt_vends_total", Help: "Sales requested over HTTP, by result: sold, repeated, or the code of the refusal."}, []string{"result"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.vends} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) request(route string, status int, took time.Duration) {
	route = cmp.Or(route, "none")
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) sold(repeated bool) {
	if repeated {
		m.vends.WithLabelValues("repeated").Inc()
		return
	}
	m.vends.WithLabelValues("sold").Inc()
}

func (m *metrics) refused(c refusal.Code) { m.vends.WithLabelValues(string(c)).Inc() }

// metricsName is the route of the metrics at their own address, as the log shows it.
const metricsName = "metrics"

// OwnMetrics serves /metrics without a key, for an address of its own.
func (a *API) OwnMetrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(a.c.Metrics))
	return a.Guard(metricsName, readable(mux), nil)
}

// metricsForKeys serves the metrics to keys with settings.read. They show how much a utility sells.
func (a *API) metricsForKeys() http.Handler {
	all := metricsHandler(a.c.Metrics)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if no := x.actor.Needs(access.ReadSettings); no.Refused() {
			writeProblem(w, x, problemOf(no))
			return
		}
		all.ServeHTTP(w, r)
	})
}

func metricsHandler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{DisableCompression: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
