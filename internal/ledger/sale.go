package ledger

// SaleEntry describes the money of a sale: its source and the items that it paid.
type SaleEntry struct {
	Source  AccountRef // debited with Tender: a till, a payment's unapplied money, a vendor's float
	Tender  Minor
	Account string    // the customer's account, which has the carry
	Others  []Posting // charges and debts paid, net of tax, as credits (negative)
	Energy  Minor     // net of tax
	Levies  []Posting // collected for others, net of tax, as credits (negative)
	VAT     Minor     // all tax of the sale
	CarryIn Minor     // change from earlier sales, used by this sale
	Carry   Minor     // change carried forward to the next sale
	Funding []Posting // the debts of a programme for free units (P10); the postings sum to zero
}

// SalePostings returns the lines of a sale's journal (P1, P3, P6, P8 and P9 of docs/reference/postings.md, with P10 if free units are
// funded). The money that came in is debited. Then each thing that it paid is credited, in the order of the allocation. Zero lines are left
// out. Within Others, and within Levies, lines to the same account are merged. So a sale that pays many months of a charge stays within
// [MaxPostings]. A sale in which no money moved has only the lines of Funding: an unchanged carry does not count as a movement.
func SalePostings(e SaleEntry) []Posting {
	carry := AccountRef{Carry, e.Account}
	if e.Tender == 0 && e.CarryIn == e.Carry {
		return nonZero(e.Funding)
	}
	lines := []Posting{{e.Source, e.Tender}, {carry, e.CarryIn}}
	lines = append(lines, merged(e.Others)...)
	lines = append(lines, Posting{AccountRef{Code: RevenueEnergy}, -e.Energy})
	lines = append(lines, merged(e.Levies)...)
	lines = append(lines, Posting{AccountRef{Code: VATPayable}, -e.VAT}, Posting{carry, -e.Carry})
	return nonZero(append(lines, e.Funding...))
}

// merged sums lines to the same account, in the order in which the accounts first appear.
func merged(lines []Posting) []Posting {
	var out []Posting
next:
	for _, p := range lines {
		for i := range out {
			if out[i].Account == p.Account {
				out[i].Amount += p.Amount
				continue next
			}
		}
		out = append(out, p)
	}
	return out
}

// nonZero returns the lines with an amount.
func nonZero(lines []Posting) []Posting {
	var kept []Posting
	for _, p := range lines {
		if p.Amount != 0 {
			kept = append(kept, p)
		}
	}
	return kept
}
