package sales

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
)

// VendSales reads several sales as [Rows.VendSale] reads one, without locks. A sale that does not exist is missing from the result.
func (tx Rows) VendSales(all []id.ID) (map[id.ID]sale.Sale, error) {
	out := make(map[id.ID]sale.Sale, len(all))
	err := core.ReadBy(tx.Tx, core.Keyed{Query: vendQuery, Form: 'b'}, all, func(r core.Row) error {
		s, err := scanVend(r)
		if err != nil {
			return err
		}
		return core.PutOnce(out, s.ID, s)
	})
	if err != nil {
		return nil, fault.Wrap(err, "read the rows of sales")
	}
	for _, part := range [...]struct {
		what, query, order string
		scan               func(r core.Row, s *sale.Sale) error
	}{
		{"sellers", `SELECT vend_id, ` + sellerColumns.List("") + sellerFrom, "", func(r core.Row, s *sale.Sale) error {
			if !hasSeller(*s) {
				return nil
			}
			_, err := sellerColumns.Scan(r, 1, &s.Seller)
			return err
		}},
		{"lines", `SELECT vend_id, ` + lineColumns.List("") + lineFrom, lineOrder, func(r core.Row, s *sale.Sale) error {
			var l sale.Line
			_, err := lineColumns.Scan(r, 1, &l)
			s.Lines = append(s.Lines, l)
			return err
		}},
		{"tokens", `SELECT vend_id, ` + tokenColumns.List("") + saleTokenFrom, saleTokenOrder, func(r core.Row, s *sale.Sale) error {
			var t sale.Token
			_, err := tokenColumns.Scan(r, 1, &t)
			s.Tokens = append(s.Tokens, t)
			return err
		}},
	} {
		err := core.ReadBy(tx.Tx, core.Keyed{Query: part.query, Form: 'b', Order: part.order}, all, func(r core.Row) error {
			s, found := out[r.ID(0)]
			if !found {
				return nil
			}
			err := part.scan(r, &s)
			out[s.ID] = s
			return err
		})
		if err != nil {
			return nil, fault.Wrap(err, "read the %s of sales", part.what)
		}
	}
	return out, nil
}
