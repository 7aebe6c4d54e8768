package wallet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"time"
)

// configure sends a wallet meter its configuration if the meter has none or a different one.
func (c *pointState) configure(r Row) {
	if !c.Commands || !c.Leases {
		return
	}
	doc := c.document(r)
	hash := hashOf(doc)
	if c.configured(hash) {
		return
	}
	version := c.Supply.ConfigVersion
	// After a restore, the meter may have a version that this database does not know. MaxUint32 does not count: no version can follow it.
	if seen := c.Seen.ConfigVersion; seen < math.MaxUint32 {
		version = max(version, seen)
	}
	c.Supply.ConfigVersion, c.Supply.ConfigHash = version+1, hash
	c.order(r, &c.Supply.Config, &c.Seen.Config, Command{Type: CommandConfig, TTL: orderTTL, Reason: "configuration of a wallet meter",
		Args: map[string]any{"version": c.Supply.ConfigVersion, "hash": hash, "config": doc}})
}

// configured reports whether there is no configuration to send: the meter has this configuration, will get it, or refuses it. The meter's
// answer counts until its next boot reports another configuration, because its memory may be lost. A configuration is sent again if the
// meter could not store it, or if the message's counter was too low. If the message had expired by the meter's clock, it is sent again
// after againAfter, or as soon as that clock has been set.
func (c *pointState) configured(hash string) bool {
	told := c.Seen.Config
	said := c.Booted.After(told.Since) // the meter has booted since its answer, and the boot reported a configuration
	switch {
	case c.Supply.ConfigHash != hash:
		return c.Seen.ConfigHash == hash && (said || !told.Done())
	case told.Open():
		return true
	case told.Done():
		has := c.Seen.ConfigHash == hash && c.Seen.ConfigVersion == c.Supply.ConfigVersion
		return !said || has || c.now.Sub(told.Since) < againAfter
	case told.State == "failed" && told.why() == "expired":
		return c.now.Sub(told.Since) < againAfter && !c.clockSet(told)
	case told.refused():
		return !said || c.now.Sub(told.Since) < againAfter
	}
	return c.Seen.ConfigHash == hash
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

// hashOf returns the hash of a document. The same settings have the same hash.
func hashOf(doc map[string]any) string {
	text, err := json.Marshal(doc) // Marshal sorts the keys
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
