package wallet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// document is the configuration of a wallet meter: always the whole of it, what is not named has the meter's default.
func (c *turn) document(r Row) map[string]any {
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
