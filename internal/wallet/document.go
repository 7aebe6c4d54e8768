package wallet

import (
	"math"
	"time"

	"github.com/paywatt/paywatt/internal/meterdoc"
)

// configure sends a wallet meter its configuration if the meter has none or a different one.
func (c *pointState) configure(r Row) {
	if !c.Commands || !c.Leases {
		return
	}
	doc := c.document(r)
	hash, known := meterdoc.Hash(doc), c.configuration()
	if known.Settled(hash, c.now) {
		return
	}
	c.Supply.ConfigVersion, c.Supply.ConfigHash = known.Next(), hash
	c.order(r, &c.Supply.Config, &c.Seen.Config, Command{Type: CommandConfig, TTL: orderTTL, Reason: "configuration of a wallet meter",
		Args: ConfigArgs(c.Supply.ConfigVersion, hash, doc)})
}

func (c *pointState) configuration() Configuration {
	return Configuration{Version: c.Supply.ConfigVersion, Hash: c.Supply.ConfigHash, Order: c.Seen.Config, SeenVersion: c.Seen.ConfigVersion,
		SeenHash: c.Seen.ConfigHash, Booted: c.Booted, ClockSet: c.clockSet(c.Seen.Config)}
}

// Configuration is what the server knows about the configuration of one meter: which one it ordered last, how far that order has come, and
// which one the meter had at its last boot.
type Configuration struct {
	Version     int64 // ordered last
	Hash        string
	Order       Progress
	SeenVersion int64 // at the last boot
	SeenHash    string
	Booted      time.Time
	// ClockSet says that the meter refused the order because it had expired by the meter's clock, and that this clock has been set since.
	ClockSet bool
}

// ConfigArgs returns the arguments of a command that brings a configuration.
func ConfigArgs(version int64, hash string, doc map[string]any) map[string]any {
	return map[string]any{"version": version, "hash": hash, "config": doc}
}

// Next returns the version of the next configuration. After a restore, the meter may have a version that this database does not know.
// MaxUint32 does not count: no version can follow it.
func (c Configuration) Next() int64 {
	version := c.Version
	if c.SeenVersion < math.MaxUint32 {
		version = max(version, c.SeenVersion)
	}
	return version + 1
}

// Settled reports whether there is no configuration to send: the meter has this configuration, will get it, or refuses it. The meter's
// answer counts until its next boot reports another configuration, because its memory may be lost. A configuration is sent again if the
// meter could not store it, or if the message's counter was too low. If the message had expired by the meter's clock, it is sent again
// after againAfter, or as soon as that clock has been set.
func (c Configuration) Settled(hash string, now time.Time) bool {
	told := c.Order
	said := c.Booted.After(told.Since) // the meter has booted since its answer, and the boot reported a configuration
	switch {
	case c.Hash != hash:
		return c.SeenHash == hash && (said || !told.Done())
	case told.Open():
		return true
	case told.Done():
		has := c.SeenHash == hash && c.SeenVersion == c.Version
		return !said || has || now.Sub(told.Since) < againAfter
	case told.State == "failed" && told.why() == "expired":
		return now.Sub(told.Since) < againAfter && !c.ClockSet
	case told.refused():
		return !said || now.Sub(told.Since) < againAfter
	}
	return c.SeenHash == hash
}

// document returns the configuration of a wallet meter. It is always complete: a setting that is not named has the meter's default.
func (c *pointState) document(r Row) map[string]any {
	_, offset := r.Meter.Clock(c.now).In(c.tenant.Zone).Zone()
	doc := map[string]any{"payment_mode": "prepay_wallet", "imp_per_kwh": c.Imp, "reading_s": int64(c.Interval / time.Second),
		"tz_min": int64(offset / 60)}
	if c.Grace != StayClosed {
		doc["lease_grace_wh"] = c.Grace
	}
	for name, list := range map[string][]string{"friendly": c.tenant.Supply.Windows, "special_days": c.tenant.Supply.SpecialDays} {
		if len(list) > 0 {
			entries := make([]any, len(list))
			for i, e := range list {
				entries[i] = e
			}
			doc[name] = entries
		}
	}
	return doc
}
