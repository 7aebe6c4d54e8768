package app

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/paywatt/paywatt/internal/gateway"
)

// count registers the metrics of the parts outside the API: the gateway, the store and the process itself. The values are read at each
// scrape; no label comes from outside.
func (a *App) count() error {
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	total := func(name, help string, read func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read()) })
	}
	all := []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("paywatt_ready", "1 while the server is ready for all of its work.", func() float64 { return one(len(a.notReady()) == 0) }),
		gauge("paywatt_keystore_locked", "1 while the key store is locked.", func() float64 { return one(a.keys.Locked()) }),
		gauge("paywatt_books_unsound", "1 after a verification found errors in the books.", func() float64 { return one(a.soundness().Refused()) }),
		gauge("paywatt_clock_apart_seconds", "Seconds by which the clock of a shared database is ahead of this server's clock.", func() float64 { return a.apart().Seconds() }),
		gauge("paywatt_standbys_expected", "Standbys that should follow the database.", func() float64 { return float64(a.standbys().Expected) }),
		gauge("paywatt_standbys_following", "Standbys that follow the database.", func() float64 { return float64(a.standbys().Following) }),
		gauge("paywatt_standbys_synchronous", "Standbys for which a commit may wait.", func() float64 { return float64(a.standbys().Synchronous) }),
		gauge("paywatt_standby_lag_bytes", "Bytes of the log that the slowest standby that follows does not have on its disk yet.", func() float64 { return float64(a.standbys().Lag) }),
		gauge("paywatt_database_timeline", "PostgreSQL's timeline of the primary, which each promotion raises.", func() float64 { return float64(a.standbys().Timeline) }),
		gauge("paywatt_mqtt_sockets", "Open connections to the meter listener.", func() float64 { return float64(a.gateway.Stats().Sockets) }),
		gauge("paywatt_mqtt_meters", "Meters that are signed in.", func() float64 { return float64(a.gateway.Stats().Meters) }),
		total("paywatt_mqtt_logins_total", "Sign-ins of meters.", func() int64 { return a.gateway.Stats().Logins }),
		total("paywatt_mqtt_denied_total", "Connections with a wrong password.", func() int64 { return a.gateway.Stats().Denied }),
		total("paywatt_mqtt_refused_total", "Connections refused because of a limit.", func() int64 { return a.gateway.Stats().Refused }),
		total("paywatt_mqtt_messages_total", "Messages from meters.", func() int64 { return a.gateway.Stats().Messages }),
		total("paywatt_mqtt_failed_total", "Messages from meters that could not be stored.", func() int64 { return a.gateway.Stats().Failed }),
		total("paywatt_store_commits_total", "Commits of the database.", func() int64 { return a.engine.stats().commits }),
		total("paywatt_store_over_budget_total", "Transactions that exceeded their budget of time or rows.", func() int64 { return a.engine.stats().overBudget }),
		gauge("paywatt_store_log_pages", "Pages of the write-ahead log.", func() float64 { return float64(a.engine.stats().logPages) }),
	}
	if a.name != "" {
		info := prometheus.GaugeOpts{Name: "paywatt_server_info", Help: "1, with the name that this server has in its alarms.",
			ConstLabels: prometheus.Labels{"server": a.name}}
		all = append(all, prometheus.NewGaugeFunc(info, func() float64 { return 1 }))
	}
	all = append(all, a.certificateMetrics()...)
	for outcome, read := range map[string]func() int64{
		"stored":      func() int64 { return a.gateway.Stats().Stored },
		"duplicate":   func() int64 { return a.gateway.Stats().Duplicate },
		"beyond":      func() int64 { return a.gateway.Stats().Beyond },
		"quarantined": func() int64 { return a.gateway.Stats().Quarantined },
		"dropped":     func() int64 { return a.gateway.Stats().Dropped },
	} {
		all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "paywatt_records_total", Help: "Records from meters, by outcome.",
			ConstLabels: prometheus.Labels{"outcome": outcome}}, func() float64 { return float64(read()) }))
	}
	for listener, read := range map[string]func() gateway.Ends{
		"meters":      func() gateway.Ends { return a.gateway.Stats().Ended },
		"devices":     a.devicesEnded,
		"integration": a.programsEnded,
	} {
		for i, reason := range gateway.Endings() {
			all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "paywatt_mqtt_disconnects_total", Help: "Ended connections, by listener and reason.",
				ConstLabels: prometheus.Labels{"listener": listener, "reason": reason}}, func() float64 { return float64(read()[i]) }))
		}
	}
	for _, c := range all {
		if err := a.gauges.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// programsEnded counts the connections of programs that have ended.
func (a *App) programsEnded() gateway.Ends {
	if a.mirror == nil {
		return gateway.Ends{}
	}
	return a.mirror.Ended()
}

// devicesEnded counts the connections of unmodified devices that have ended, at all listeners together.
func (a *App) devicesEnded() (all gateway.Ends) {
	var each []gateway.Ends
	for _, l := range a.legacy {
		each = append(each, l.Ended())
	}
	if a.shared != nil {
		each = append(each, a.shared.Ended())
	}
	for _, ends := range each {
		for i, n := range ends {
			all[i] += n
		}
	}
	return all
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// certificateMetrics are the ends of the server's certificate and of the authorities, the earliest of each, and whether files cannot be used.
func (a *App) certificateMetrics() (all []prometheus.Collector) {
	if a.certificate == nil {
		return nil
	}
	for _, kind := range []struct {
		name      string
		authority bool
	}{{"server", false}, {"authority", true}} {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "paywatt_certificate_end_seconds",
			Help: "Time at which the first certificate of a kind ends, in Unix seconds; 0 if there is none.", ConstLabels: prometheus.Labels{"kind": kind.name}},
			func() float64 { return firstEnd(a.certificate.ends(), kind.authority) }))
	}
	return append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "paywatt_certificate_unusable",
		Help: "1 while files of certificates cannot be used, and what was read before stays in use."}, func() float64 { return one(a.certificate.unusable()) }))
}

// firstEnd returns the first end of the server's certificate or of an authority, in Unix seconds.
func firstEnd(ends []CertificateEnd, authority bool) (first float64) {
	for _, e := range ends {
		if at := float64(e.At.Unix()); e.authority == authority && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}
