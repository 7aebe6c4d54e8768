package wallet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"time"
)

// configure sends a wallet meter its configuration, where it has none or another one.
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
	if seen := c.Seen.ConfigVersion; seen < math.MaxUint32 { // of a lost database, perhaps; beyond, no meter can have it
		version = max(version, seen)
	}
	c.Supply.ConfigVersion, c.Supply.ConfigHash = version+1, hash
	c.order(r, &c.Supply.Config, &c.Seen.Config, Command{Type: CommandConfig, TTL: orderTTL, Reason: "configuration of a wallet meter",
		Args: map[string]any{"version": c.Supply.ConfigVersion, "hash": hash, "config": doc}})
}

// configured reports whether there is no configuration to send: the meter has this one, is about to, or will not have it. What
// it answered holds until it starts and says otherwise: its memory may be lost. One that it could not keep, or did not take
// for a counter or a clock that has been set since, is sent again.
func (c *pointState) configured(hash string) bool {
	told := c.Seen.Config
	said := c.Booted.After(told.Since) // by its boot, after it answered
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

// document is the configuration of a wallet meter: always the whole of it, what is not named has the meter's default.
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

// hashOf names a document: the same settings have the same name.
func hashOf(doc map[string]any) string {
	text, err := json.Marshal(doc) // in the order of its keys
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
