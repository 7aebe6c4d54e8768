package sales

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/unit"
)

// vendRow is a row of vend.
type vendRow = sale.Sale

var vendColumns = core.Columns[vendRow]{Table: "vend", Attested: []core.Column[vendRow]{
	{Name: "vendor_key", Form: 't', Write: func(s *vendRow) any { return VendorKey(s.Vendor) },
		Read: func(s *vendRow, r core.Row, col int) error {
			vendor, err := hex.DecodeString(r.Text(col))
			s.Vendor = id.FromBytes(vendor)
			return err
		}},
	core.Text("client_ref", func(s *vendRow) *string { return &s.ClientRef }),
	{Name: "order_hash", Form: 'b'},
	core.Int("meter", func(s *vendRow) *int64 { return &s.Meter.N }),
	core.ID("meter_key_id", func(s *vendRow) *id.ID { return &s.Key }),
	core.ID("account_id", func(s *vendRow) *id.ID { return &s.Account }),
	core.Text("till", func(s *vendRow) *string { return &s.Till }),
	core.Text("mode", func(s *vendRow) *registry.Mode { return &s.Mode }),
	core.Text("currency", func(s *vendRow) *string { return &s.Tender.Currency }),
	core.Int("tender", func(s *vendRow) *money.Minor { return &s.Tender.Minor }),
	core.Int("carry_in", func(s *vendRow) *money.Minor { return &s.CarryIn }),
	core.Int("carry_out", func(s *vendRow) *money.Minor { return &s.CarryOut }),
	core.Int("units_wh", func(s *vendRow) *unit.Energy { return &s.Units }),
	core.Int("free_wh", func(s *vendRow) *unit.Energy { return &s.Free }),
	core.Text("month", func(s *vendRow) *string { return &s.Month }),
	core.Int("mtd_before_wh", func(s *vendRow) *unit.Energy { return &s.MonthBefore }),
	core.ID("tariff_version_id", func(s *vendRow) *id.ID { return &s.Tariff }),
	core.Text("by_actor", func(s *vendRow) *string { return &s.By }),
	core.Time("priced_at", func(s *vendRow) *time.Time { return &s.PricedAt }),
}, Added: []core.Column[vendRow]{
	core.ID("shift_id", func(s *vendRow) *id.ID { return &s.Shift }),
	core.ID("payment_id", func(s *vendRow) *id.ID { return &s.Payment }),
}, Unattested: []core.Column[vendRow]{ // the sealed receipt and the journal prove the figures of a finished sale
	core.ID("id", func(s *vendRow) *id.ID { return &s.ID }),
	core.Text("state", func(s *vendRow) *sale.State { return &s.State }),
	{Name: "deliver", Form: 't', Write: func(s *vendRow) any { return strings.Join(s.Deliver, ",") },
		Read: func(s *vendRow, r core.Row, col int) error {
			if routes := r.Text(col); routes != "" {
				s.Deliver = strings.Split(routes, ",")
			}
			return nil
		}},
	{Name: "asked", Form: 't', Read: func(s *vendRow, r core.Row, col int) error {
		if asked := r.Text(col); asked != "" {
			return json.Unmarshal([]byte(asked), &s.Asked)
		}
		return nil
	}},
	core.Text("receipt_no", func(s *vendRow) *string { return &s.ReceiptNo }).OrNull(),
	core.Time("completed_at", func(s *vendRow) *time.Time { return &s.CompletedAt }),
	core.Text("failure", func(s *vendRow) *refusal.Code { return &s.Failure }).ReadOnly(),
	core.Bool("press_key", func(s *vendRow) *bool { return &s.PressKey }).ReadOnly(),
	{Name: "reverses", Form: 'b'},
	{Name: "created_at", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

var lineColumns = core.Columns[sale.Line]{Table: "vend_line", Attested: []core.Column[sale.Line]{
	core.Text("kind", func(l *sale.Line) *sale.LineKind { return &l.Kind }),
	core.Text("ref", func(l *sale.Line) *string { return &l.Ref }),
	core.Int("amount", func(l *sale.Line) *money.Minor { return &l.Amount }),
	core.Int("vat", func(l *sale.Line) *money.Minor { return &l.VAT }),
	{Name: "steps_json", Form: 't', Read: func(l *sale.Line, r core.Row, col int) error {
		if steps := r.Text(col); steps != "" {
			return json.Unmarshal([]byte(steps), &l.Steps)
		}
		return nil
	}},
}, Unattested: []core.Column[sale.Line]{
	core.Text("label", func(l *sale.Line) *string { return &l.Label }),
	{Name: "left_after", Form: 'i', Write: func(l *sale.Line) any { return l.Left },
		Read: func(l *sale.Line, r core.Row, col int) error {
			if !r.IsNull(col) {
				left := money.Minor(r.Int(col))
				l.Left = &left
			}
			return nil
		}},
	{Name: "vend_id", Form: 'b'},
	{Name: "seq", Form: 'i'},
	{Name: "units_wh", Form: 'i'},
	{Name: "rate_micro", Form: 'i'},
}}

// SaleKind describes the evidence of a sale that waits for its token; see VendReserve.
var SaleKind = core.AttestedKind{Name: "sale", Noun: "Sale", Prefix: id.Vend, Key: "id", Order: "r.version",
	From: "vend r LEFT JOIN vend_line l ON l.tenant_id = r.tenant_id AND l.vend_id = r.id LEFT JOIN token t ON t.tenant_id = r.tenant_id AND t.vend_id = r.id " +
		"LEFT JOIN vend_seller s ON s.tenant_id = r.tenant_id AND s.vend_id = r.id",
	Proof: vendColumns.Proof("r").And(lineColumns.Proof("l")).And(tokenColumns.ProofOf("t", "id", "tid", "units_wh")).And(sellerColumns.Proof("s")),
	Sort:  ", l.seq, t.tid", Must: " AND r.state = 'held'"}

// Parts of the statements that read the lines of sales.
const (
	lineFrom  = ` FROM vend_line WHERE tenant_id = $1 AND vend_id `
	lineOrder = ` ORDER BY seq`
)

// Statements that write and read sales and their lines. vendQuery ends with the column of the identity.
var (
	vendInsert = `INSERT INTO ` + vendColumns.Into("order_hash", "asked", "created_at")
	vendQuery  = `SELECT m.id, m.number, m.simulated, ` + vendColumns.List("v") + `
		FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter WHERE v.tenant_id = $1 AND v.id `
	intoLines = `INSERT INTO ` + lineColumns.IntoRows([]string{"vend_id"}, "seq", "units_wh", "steps_json")
	lineQuery = `SELECT ` + lineColumns.List("") + lineFrom + `= $2` + lineOrder
)
