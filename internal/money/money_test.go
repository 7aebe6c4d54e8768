package money_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tier"
)

func TestRoundingsOfMulDiv(t *testing.T) {
	for _, c := range []struct {
		a, b, c             int64
		floor, halfUp, ceil int64
	}{
		{5, 1, 2, 2, 3, 3}, {-5, 1, 2, -3, -3, -2}, {5, -1, 2, -3, -3, -2}, {-5, -1, 2, 2, 3, 3},
		{4, 1, 3, 1, 1, 2}, {-4, 1, 3, -2, -1, -1}, {6, 1, 3, 2, 2, 2}, {-6, 1, 3, -2, -2, -2}, {0, -7, 3, 0, 0, 0},
		{3_000_000_000, 1_000_000 * 11_500, 10_000_000_000, 3_450_000_000, 3_450_000_000, 3_450_000_000}, // exceeds 64 bits on the way
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{math.MinInt64, 1, 1, math.MinInt64, math.MinInt64, math.MinInt64},
	} {
		for m, want := range map[money.Mode]int64{money.Floor: c.floor, money.HalfUp: c.halfUp, money.Ceil: c.ceil} {
			if got, err := money.MulDiv(c.a, c.b, c.c, m); err != nil || got != want {
				t.Errorf("MulDiv(%d, %d, %d, mode %d) = %d, %v; want %d", c.a, c.b, c.c, m, got, err, want)
			}
		}
	}
}

func TestMulDivRefusesWhatDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		a, b, c int64
		want    error
	}{
		{1, 1, 0, money.ErrDivisor}, {1, 1, -1, money.ErrDivisor},
		{math.MaxInt64, 2, 1, money.ErrOverflow}, {math.MinInt64, -1, 1, money.ErrOverflow},
		{math.MinInt64, math.MinInt64, 1, money.ErrOverflow}, {math.MaxInt64, math.MaxInt64, math.MaxInt64 - 1, money.ErrOverflow},
	} {
		if got, err := money.MulDiv(c.a, c.b, c.c, money.HalfUp); !errors.Is(err, c.want) {
			t.Errorf("MulDiv(%d, %d, %d) = %d, %v; want %v", c.a, c.b, c.c, got, err, c.want)
		}
	}
}

// slow computes MulDiv in exact fractions.
func slow(a, b, c int64, m money.Mode) (int64, bool) {
	p, d := new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), big.NewInt(c)
	q, r := new(big.Int).DivMod(p, d, new(big.Int)) // floor, because d > 0
	half := new(big.Int).Lsh(r, 1).Cmp(d)
	if m == money.Ceil && r.Sign() > 0 || m == money.HalfUp && (half > 0 || half == 0 && p.Sign() > 0) {
		q.Add(q, big.NewInt(1))
	}
	return q.Int64(), q.IsInt64()
}

func TestMulDivAgreesWithExactFractions(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	draw := func() int64 { return int64(r.Uint64()) >> r.IntN(64) }
	for range tier.RandomSums.N() {
		a, b, c, m := draw(), draw(), draw()&math.MaxInt64+1, money.Mode(r.IntN(3))
		if c <= 0 {
			continue
		}
		want, fits := slow(a, b, c, m)
		got, err := money.MulDiv(a, b, c, m)
		if fits != (err == nil) || fits && got != want {
			t.Fatalf("MulDiv(%d, %d, %d, mode %d) = %d, %v; want %d (fits: %t)", a, b, c, m, got, err, want, fits)
		}
	}
}

func TestMulDivDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = money.MulDiv(123456789, 987654321, 1000, money.HalfUp) }); n != 0 {
		t.Errorf("MulDiv allocates %v times", n)
	}
}

func TestTaxAndShares(t *testing.T) {
	for _, c := range []struct {
		gross money.Minor
		vat   money.Bps
		want  money.Minor
	}{{11270, 1500, 1470}, {10000, 1600, 1379}, {10000, 750, 698}, {1, 1500, 0}, {3500, 1500, 457}, {-11270, 1500, -1470}, {100, 0, 0}} {
		if got, err := money.TaxIn(c.gross, c.vat); err != nil || got != c.want {
			t.Errorf("TaxIn(%d, %d) = %d, %v; want %d", c.gross, c.vat, got, err, c.want)
		}
	}
	if _, err := money.TaxIn(1, -1); err == nil {
		t.Error("a negative tax was accepted")
	}
	for _, c := range []struct {
		of   money.Minor
		r    money.Bps
		want money.Minor
	}{{10000, 150, 150}, {3333, 225, 75}} { // commissions: P7 of docs/reference/postings.md
		if got, err := money.Share(c.of, c.r, money.HalfUp); err != nil || got != c.want {
			t.Errorf("Share(%d, %d) = %d, %v; want %d", c.of, c.r, got, err, c.want)
		}
	}
}

func TestLargestRemainder(t *testing.T) {
	for _, c := range []struct {
		total   money.Minor
		weights []int64
		want    string
	}{
		{10000, []int64{1, 1, 1}, "[3334 3333 3333]"}, {5, []int64{70, 30}, "[4 1]"}, {101, []int64{3, 3, 1}, "[43 43 15]"},
		{0, []int64{1, 2}, "[0 0]"}, {7, []int64{0, 5, 0}, "[0 7 0]"},
	} {
		if got, err := money.LargestRemainder(c.total, c.weights...); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("LargestRemainder(%d, %v) = %v, %v; want %s", c.total, c.weights, got, err, c.want)
		}
	}
	for _, bad := range [][]int64{nil, {0}, {1, -1}, {math.MaxInt64, 1}} {
		if got, err := money.LargestRemainder(5, bad...); err == nil {
			t.Errorf("LargestRemainder(5, %v) = %v, want an error", bad, got)
		}
	}
	if _, err := money.LargestRemainder(-1, 1); err == nil {
		t.Error("a negative total was split")
	}
}

func TestSharesAlwaysSum(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 2026))
	for range tier.RandomSums.N() {
		weights := make([]int64, 1+r.IntN(8))
		for i := range weights {
			weights[i] = r.Int64N(1 << (1 + r.IntN(50)))
		}
		weights[0]++
		total := money.Minor(r.Int64N(int64(money.MaxMinor)))
		parts, err := money.LargestRemainder(total, weights...)
		if err != nil {
			t.Fatal(err)
		}
		var sum money.Minor
		for i, p := range parts {
			if p < 0 || weights[i] == 0 && p != 0 {
				t.Fatalf("LargestRemainder(%d, %v) = %v", total, weights, parts)
			}
			sum += p
		}
		if sum != total {
			t.Fatalf("LargestRemainder(%d, %v) sums to %d", total, weights, sum)
		}
	}
}

func TestDaysOfAPeriodSumToItsCharge(t *testing.T) {
	first := []money.Minor{326, 327, 327, 326}
	for _, days := range []int{28, 29, 30, 31} {
		var sum money.Minor
		count := map[money.Minor]int{}
		for d := 1; d <= days; d++ {
			part, err := money.Accrued(9800, d, d, days)
			if err != nil {
				t.Fatal(err)
			}
			if days == 30 && d <= len(first) && part != first[d-1] {
				t.Errorf("day %d of 30 gets %d, want %d", d, part, first[d-1])
			}
			count[part]++
			sum += part
		}
		if sum != 9800 {
			t.Errorf("%d days sum to %d, want 9800", days, sum)
		}
		if days == 31 && (count[316] != 27 || count[317] != 4) {
			t.Errorf("31 days = %v, want 27 of 316 and 4 of 317", count)
		}
	}
	for _, bad := range [][2]int{{0, 30}, {31, 30}, {1, 0}} {
		if _, err := money.Accrued(9800, bad[0], bad[0], bad[1]); err == nil {
			t.Errorf("day %d of %d was accepted", bad[0], bad[1])
		}
	}
}

func TestExactSums(t *testing.T) {
	big := money.Product(math.MaxInt64, math.MaxInt64)
	twice, err := big.Add(big)
	if err != nil {
		t.Fatal(err)
	}
	if !big.Less(twice) || twice.Less(big) || big.Less(big) {
		t.Error("the order of exact sums is wrong")
	}
	if back, err := twice.Sub(big); err != nil || back != big {
		t.Errorf("2x-x = %v, %v; want %v", back, err, big)
	}
	if _, err := big.Sub(twice); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("x-2x: %v, want %v", err, money.ErrOverflow)
	}
	huge := twice
	for range 4 {
		if huge, err = huge.Add(huge); err != nil {
			break
		}
	}
	if !errors.Is(err, money.ErrOverflow) {
		t.Errorf("32 x MaxInt64²: %v, want %v", err, money.ErrOverflow)
	}
	if got, err := big.Div(math.MaxInt64, money.HalfUp); err != nil || got != math.MaxInt64 {
		t.Errorf("x²/x = %d, %v; want %d", got, err, int64(math.MaxInt64))
	}
	if _, err := big.Div(0, money.Floor); !errors.Is(err, money.ErrDivisor) {
		t.Errorf("x/0: %v, want %v", err, money.ErrDivisor)
	}
}

func TestAmountsTypedByPeople(t *testing.T) {
	kes, ugx, tnd := currency(t, "KES"), currency(t, "UGX"), currency(t, "TND")
	for _, c := range []struct {
		text string
		in   money.Currency
		want money.Minor
		err  error
	}{
		{"100", kes, 10000, nil}, {"100.5", kes, 10050, nil}, {" 0.29 ", kes, 29, nil}, {"007", kes, 700, nil}, {"20000", ugx, 20000, nil},
		{"1.234", tnd, 1234, nil}, {"999999999999.99", kes, 99999999999999, nil}, {"0", kes, 0, nil},
		{"12.345", kes, 0, money.ErrDecimals}, {"12.30", ugx, 0, money.ErrDecimals}, {"12.340", kes, 0, money.ErrDecimals},
		{"-5", kes, 0, money.ErrNegative}, {"+5", kes, 0, money.ErrSyntax}, {"", kes, 0, money.ErrSyntax}, {".5", kes, 0, money.ErrSyntax},
		{"5.", kes, 0, money.ErrSyntax},
		{"1,000", kes, 100000, nil}, {"1,234,567.89", kes, 123456789, nil}, {"12 345.5", kes, 1234550, nil}, {"1'000", kes, 100000, nil},
		{"1\u202f000", ugx, 1000, nil}, {"KES 1,000", kes, 100000, nil}, {"500KES", kes, 50000, nil}, {"1,000.500", tnd, 1000500, nil},
		{"1,000,000", tnd, 1000000000, nil}, {"1,000", tnd, 0, money.ErrSyntax}, {"0,500", kes, 0, money.ErrSyntax}, {"1,00", kes, 0, money.ErrSyntax}, {"10,5", kes, 0, money.ErrSyntax},
		{"1000,000", kes, 0, money.ErrSyntax}, {"1,000 000", kes, 0, money.ErrSyntax}, {",100", kes, 0, money.ErrSyntax}, {"1.000,50", kes, 0, money.ErrSyntax},
		{"UGX 500", kes, 0, money.ErrSyntax}, {"KES", kes, 0, money.ErrSyntax}, {"1,000-", kes, 0, money.ErrSyntax}, {"1e3", kes, 0, money.ErrSyntax}, {"ten", kes, 0, money.ErrSyntax},
		{"1.2.3", kes, 0, money.ErrSyntax}, {"٣", kes, 0, money.ErrSyntax}, {"1000000000000", kes, 0, money.ErrTooLarge},
		{"99999999999999999999999", kes, 0, money.ErrTooLarge},
	} {
		got, err := money.Parse(c.text, c.in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Parse(%q, %s) = %d, %v; want %d, %v", c.text, c.in.Code, got, err, c.want, c.err)
		}
	}
}

func TestAmountsAreWrittenWithAllTheirDecimals(t *testing.T) {
	for _, c := range []struct {
		m    money.Minor
		code string
		want string
	}{{10000, "KES", "100.00"}, {5, "KES", "0.05"}, {-24, "KES", "-0.24"}, {20000, "UGX", "20000"}, {-1, "UGX", "-1"},
		{1, "TND", "0.001"}, {0, "KES", "0.00"}, {math.MinInt64, "KES", "-92233720368547758.08"}} {
		if got := money.Format(c.m, currency(t, c.code)); got != c.want {
			t.Errorf("Format(%d, %s) = %q, want %q", c.m, c.code, got, c.want)
		}
	}
	for _, c := range []struct {
		r    money.MicroRate
		code string
		want string
	}{{2_500_000, "KES", "2.50"}, {2_454_100, "ZAR", "2.4541"}, {805_000_000, "UGX", "805"}, {181_000, "TND", "0.181"}, {1, "KES", "0.000001"}, {-2_500_000, "KES", "-2.50"}} {
		if got := money.FormatRate(c.r, currency(t, c.code)); got != c.want {
			t.Errorf("FormatRate(%d, %s) = %q, want %q", c.r, c.code, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"100", "0.29", "12.345", "-1", "", "1e9", "00.00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, code := range []string{"UGX", "KES", "TND"} {
			m, err := money.Parse(s, currency(t, code))
			if err != nil {
				continue
			}
			if again, err := money.Parse(money.Format(m, currency(t, code)), currency(t, code)); err != nil || again != m || m < 0 {
				t.Errorf("%q reads as %d %s and back as %d, %v", s, m, code, again, err)
			}
		}
	})
}

func currency(t testing.TB, code string) money.Currency {
	t.Helper()
	c, ok := money.CurrencyOf(code)
	if !ok {
		t.Fatalf("currency %s is not known", code)
	}
	return c
}

func TestCurrencies(t *testing.T) {
	for code, exp := range map[string]int{"ZAR": 2, "KES": 2, "NGN": 2, "UGX": 0, "XAF": 0, "RWF": 0, "TND": 3, "KWD": 3, "CLF": 4} {
		if got := currency(t, code); got.Exp != exp || got.Code != code {
			t.Errorf("%s = %+v, want %d decimals", code, got, exp)
		}
	}
	for _, bad := range []string{"", "kes", "KE", "KESS", "XYZ", "S T", " KE", "ES "} {
		if c, ok := money.CurrencyOf(bad); ok {
			t.Errorf("%q is taken for %+v", bad, c)
		}
	}
}

func TestPowersAndProductsKnowTheirRange(t *testing.T) {
	if got := money.PowerOfTen(18); got != 1_000_000_000_000_000_000 {
		t.Errorf("10^18 = %d", got)
	}
	for name, wrong := range map[string]func(){
		"10^19": func() { money.PowerOfTen(19) }, "10^-1": func() { money.PowerOfTen(-1) },
		"a negative factor": func() { money.Product(-1, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was computed", name)
				}
			}()
			wrong()
		}()
	}
}

func TestAmountsAndRatiosAsPeopleReadThem(t *testing.T) {
	for a, want := range map[money.Amount]string{
		{Minor: 50000, Currency: "KES"}: "500.00 KES", {Minor: -24, Currency: "KES"}: "-0.24 KES", {Minor: 20000, Currency: "UGX"}: "20000 UGX",
		{Minor: 1500, Currency: "TND"}: "1.500 TND", {Minor: 7, Currency: "XXX"}: "7 minor units XXX", {}: "0 minor units",
	} {
		if got := a.String(); got != want {
			t.Errorf("%d of %s: %q, want %q", a.Minor, a.Currency, got, want)
		}
	}
	for b, want := range map[money.Bps]string{0: "0 %", 1: "0.01 %", 150: "1.5 %", 1000: "10 %", 10_000: "100 %"} {
		if got := b.Percent(); got != want {
			t.Errorf("%d basis points: %q, want %q", b, got, want)
		}
	}
}
