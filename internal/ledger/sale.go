package ledger

// SaleEntry is the money side of a sale: where it came from and what it became.
type SaleEntry struct {
	Source  AccountRef // debited with Tender: a till, a payment's unapplied money, a vendor's float
	Tender  Minor
	Account string    // whose carry it is
	Others  []Posting // charges and debts paid, net of tax, as credits (negative)
	Energy  Minor     // net of tax
	VAT     Minor     // all tax of the sale
	CarryIn Minor     // used up
	Carry   Minor     // carried on
}

// SalePostings are the lines of a sale's journal (P1, P3, P6, P8 and P9 of the domain reference, §7.1): what came in is
// debited, then each thing it paid is credited, in the order of the allocation. Zero lines are left out.
func SalePostings(e SaleEntry) []Posting {
	carry := AccountRef{Carry, e.Account}
	lines := []Posting{{e.Source, e.Tender}, {carry, e.CarryIn}}
	lines = append(lines, e.Others...)
	lines = append(lines, Posting{AccountRef{Code: RevenueEnergy}, -e.Energy}, Posting{AccountRef{Code: VATPayable}, -e.VAT},
		Posting{carry, -e.Carry})
	kept := lines[:0]
	for _, p := range lines {
		if p.Amount != 0 {
			kept = append(kept, p)
		}
	}
	return kept
}
