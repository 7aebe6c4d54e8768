package money

// LargestRemainder splits total by weights so that the parts sum to it exactly. Every part gets the floor of its share. The rest goes, one
// minor unit each, to the largest remainders; among equal remainders, the lower index comes first. Weights are not negative, and their sum
// is positive and fits 64 bits. Use LargestRemainder only for shares of equal rank. Do not use it for the parts of a sale,
// because those are allocated one after the other.
func LargestRemainder(total Minor, weights ...int64) ([]Minor, error) {
	if total < 0 {
		return nil, ErrDivisor
	}
	var sum int64
	for _, w := range weights {
		if w < 0 || sum+w < sum {
			return nil, ErrDivisor
		}
		sum += w
	}
	if sum == 0 {
		return nil, ErrDivisor
	}
	parts, rest := make([]Minor, len(weights)), make([]Exact, len(weights))
	left := total
	for i, w := range weights {
		whole := Product(int64(total), w)
		part, err := whole.Div(sum, Floor)
		if err != nil {
			return nil, err
		}
		if rest[i], err = whole.Sub(Product(part, sum)); err != nil {
			return nil, err
		}
		parts[i] = Minor(part)
		left -= Minor(part)
	}
	for ; left > 0; left-- {
		best := 0
		for i := range rest {
			if rest[best].Less(rest[i]) {
				best = i
			}
		}
		parts[best]++
		rest[best] = Exact{}
	}
	return parts, nil
}

// Accrued spreads a charge over days and returns the part for some consecutive days. The parameters first and last are the first and the
// last of these days, counted from 1. The part is floor(total·last/days) - floor(total·(first-1)/days). With this cumulative method, the
// parts of a period sum to the charge exactly, however the period is divided.
func Accrued(total Minor, first, last, days int) (Minor, error) {
	if days <= 0 || first < 1 || last < first || last > days {
		return 0, ErrDivisor
	}
	until, err := MulDiv(int64(total), int64(last), int64(days), Floor)
	if err != nil {
		return 0, err
	}
	before, err := MulDiv(int64(total), int64(first-1), int64(days), Floor)
	return Minor(until - before), err
}
