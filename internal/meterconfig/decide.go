package meterconfig

import (
	"encoding/json"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/meterdoc"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Row is the stored configuration of one meter.
type Row struct {
	Own meterdoc.Values // the meter's own values
	// Version, Hash and Doc are the configuration that the server decided last; Version is 0 before the first. Asked is when it was decided.
	Version int64
	Hash    string
	Doc     string // as JSON
	Asked   time.Time
	Command id.ID // the newest command that brings it; zero if the meter had it already
	Has     Has
}

// Has is the configuration that the meter itself reported last: by its answer, or at its boot.
type Has struct {
	Version int64
	Hash    string
	Doc     string // as JSON; empty if this server does not know the document
	Since   time.Time
}

// Point holds the facts about one meter that the decision needs. It contains only values.
type Point struct {
	Row
	Meter    registry.Meter
	Signed   bool      // the meter can check signatures: it has a link key and no profile
	Clock    time.Time // the time the meter lives in
	Booted   time.Time // when its last boot was received, zero if it never was
	Reported Has       // at its last boot: version and hash
	Order    wallet.Progress
}

// takes reports whether a meter of this mode and status can get a configuration from the server.
func (p Point) takes() bool {
	switch p.Meter.Status {
	case registry.Stock, registry.Removed, registry.Scrapped:
		return false
	}
	return p.Meter.Mode == registry.PrepayToken && p.Signed
}

// decision is what to do about the configuration of a meter.
type decision struct {
	row      Row
	send     map[string]any // the document to send; nil for none
	withdraw bool           // the command under way carries an earlier configuration
}

// decide decides what to do about a meter. It sends nothing while nobody has set a value for it. The parameter met says that the meter has
// just connected: then a configuration whose command has expired is sent again. Without that, an absent meter would get a new command each
// day.
func decide(p Point, utility meterdoc.Values, zone *time.Location, now time.Time, met bool) decision {
	d := decision{row: p.Row}
	d.row.Has = p.has()
	if len(utility)+len(p.Own) == 0 && p.Version == 0 {
		return d
	}
	doc := p.document(utility, zone)
	if meterdoc.Bad(doc) != "" {
		return d // the page says so; the meter keeps what it has
	}
	hash, order := meterdoc.Hash(doc), p.Order.At(p.Clock)
	known := wallet.Configuration{Version: p.Version, Hash: p.Hash, Order: order, SeenVersion: p.Reported.Version, SeenHash: p.Reported.Hash, Booted: p.Booted}
	text, err := json.Marshal(doc)
	if err != nil {
		return d
	}
	switch fresh := hash != p.Hash; {
	case known.Settled(hash, now):
		if fresh { // the meter has it already
			d.row.Version, d.row.Hash, d.row.Doc, d.row.Asked, d.row.Command = known.SeenVersion, hash, string(text), now, id.ID{}
			d.withdraw = order.Open()
		}
		return d
	case !fresh && !met && !order.Open() && order.State != "failed" && !order.Done():
		return d
	}
	d.row.Version, d.row.Hash, d.row.Doc, d.send = known.Next(), hash, string(text), doc
	if hash != p.Hash {
		d.row.Asked = now
	}
	d.withdraw = order.Open()
	return d
}

// document returns the configuration that a meter should have.
func (p Point) document(utility meterdoc.Values, zone *time.Location) map[string]any {
	_, offset := p.Clock.In(zone).Zone()
	return meterdoc.Document(utility, p.Own, meterdoc.Facts{ImpPerKWh: p.Meter.ImpPerKWh, Interval: p.Meter.ReadingInterval, Offset: offset})
}

// has returns the configuration that the meter reported last. The later of its answer and its boot counts.
func (p Point) has() Has {
	said := p.Has
	if p.Order.Done() && !p.Order.Since.Before(said.Since) && p.Order.ID == p.Command {
		said = said.later(Has{p.Version, p.Hash, p.Doc, p.Order.Since})
	}
	if p.Booted.After(said.Since) {
		boot := Has{Version: p.Reported.Version, Hash: p.Reported.Hash, Since: p.Booted}
		if boot.Hash == p.Hash {
			boot.Doc = p.Doc
		}
		said = said.later(boot)
	}
	return said
}

// later returns the configuration after another report. A repetition keeps the time of the first.
func (h Has) later(next Has) Has {
	if h.Version == next.Version && h.Hash == next.Hash && !h.Since.IsZero() {
		return h
	}
	return next
}
