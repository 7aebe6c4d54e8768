package sts_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/sts"
)

// holding returns the key of meter 12345678903 under the public test key of DKGA04.
func holding(t testing.TB, change func(*sts.Attributes)) sts.Holding {
	t.Helper()
	a := sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA04, BaseDate: sts.Base2014,
		PAN: number(t, "12345678903")}
	if change != nil {
		change(&a)
	}
	h, err := sts.Hold(vendingKey(t, "abababababababab949494949494949401234567"), a, 255)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func TestSplittingLosesNothingAndRoundsNothing(t *testing.T) {
	for _, c := range []struct {
		tenths int64
		tokens int
	}{
		{1, 1}, {16_383, 1}, {16_384, 2}, {32_766, 2}, {32_767, 3}, {sts.MaxTenths, 1_112},
	} {
		got, err := sts.AppendSplit(nil, c.tenths)
		if err != nil || len(got) != c.tokens {
			t.Errorf("AppendSplit(%d): %d tokens, %v, want %d", c.tenths, len(got), err, c.tokens)
		}
	}
	for _, tenths := range []int64{0, -1, sts.MaxTenths + 1} {
		if got, err := sts.AppendSplit(nil, tenths); !errors.Is(err, sts.ErrRange) || got != nil {
			t.Errorf("AppendSplit(%d) = %v, %v, want %v", tenths, got, err, sts.ErrRange)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		tenths := rapid.Int64Range(1, sts.MaxTenths).Draw(r, "tenths")
		before := []sts.Amount{7}
		got, err := sts.AppendSplit(before, tenths)
		if err != nil || got[0] != 7 {
			r.Fatalf("AppendSplit(%d) = %v, %v", tenths, got, err)
		}
		var sum int64
		for _, a := range got[1:] {
			if a.Tenths() < 1 || a.Tenths() > sts.MaxCreditTenths {
				r.Fatalf("AppendSplit(%d) has a token of %d", tenths, a.Tenths())
			}
			sum += a.Tenths()
		}
		if sum != tenths {
			r.Fatalf("AppendSplit(%d) sums to %d", tenths, sum)
		}
	})
}

func TestWhatIsNeverMadeUnderAKey(t *testing.T) {
	tid, err := sts.Base2014.TIDAt(noon())
	if err != nil {
		t.Fatal(err)
	}
	ken := uint8(tid >> 16)
	for _, c := range []struct {
		kt             sts.KeyType
		ken            uint8
		credit, manage error
	}{
		{sts.DITK, 255, sts.ErrKeyType, sts.ErrKeyType}, {sts.DDTK, 255, sts.ErrKeyType, nil}, {sts.DUTK, 255, nil, nil},
		{sts.DCTK, 255, nil, nil}, {4, 255, sts.ErrKeyType, sts.ErrKeyType}, {sts.DUTK, ken, nil, nil},
		{sts.DUTK, ken - 1, sts.ErrKeyExpired, sts.ErrKeyExpired}, {sts.DDTK, ken - 1, sts.ErrKeyType, sts.ErrKeyExpired},
	} {
		h := sts.Holding{KEN: c.ken, Attributes: sts.Attributes{KT: c.kt}}
		if err := h.MayCredit(tid); !errors.Is(err, c.credit) {
			t.Errorf("credit under %s with KEN %d: %v, want %v", c.kt, c.ken, err, c.credit)
		}
		if err := h.MayManage(tid); !errors.Is(err, c.manage) {
			t.Errorf("management under %s with KEN %d: %v, want %v", c.kt, c.ken, err, c.manage)
		}
	}
	h := holding(t, nil)
	if err := h.MayCredit(sts.MaxTID + 1); !errors.Is(err, sts.ErrField) {
		t.Errorf("a TID of 25 bits: %v, want %v", err, sts.ErrField)
	}
}

func TestAKeyExpiresWhenItsMetersSaySo(t *testing.T) {
	for _, base := range []sts.BaseDate{sts.Base1993, sts.Base2014, sts.Base2035} {
		for ken := range 255 {
			at, ok := base.Expiry(uint8(ken))
			tid, err := base.TIDAt(at)
			if !ok || err != nil || !tid.Expired(uint8(ken)) || (tid - 1).Expired(uint8(ken)) {
				t.Fatalf("base date %s, KEN %d: expiry %s, %t, TID %d, %v", base, ken, at, ok, tid, err)
			}
		}
		if at, ok := base.Expiry(255); ok {
			t.Errorf("KEN 255 expires at %s", at)
		}
	}
}

func TestBaseDatesEndAndFollowEachOther(t *testing.T) {
	for _, c := range []struct {
		base, next sts.BaseDate
		end        string
	}{
		{sts.Base1993, sts.Base2014, "2024-11-24 20:15"}, {sts.Base2014, sts.Base2035, "2045-11-24 20:15"}, {sts.Base2035, 0, "2066-11-24 20:15"},
	} {
		if got := c.base.End().Format("2006-01-02 15:04"); got != c.end {
			t.Errorf("base date %s ends %s, want %s", c.base, got, c.end)
		}
		if next, ok := c.base.Successor(); next != c.next || ok != (c.next != 0) {
			t.Errorf("after base date %s comes %s, %t, want %s", c.base, next, ok, c.next)
		}
		if _, err := c.base.TIDAt(c.base.End().Add(time.Minute)); !errors.Is(err, sts.ErrBaseDate) {
			t.Errorf("base date %s goes on after its end: %v", c.base, err)
		}
	}
}

// A batch gives the same tokens as separate sales one after another.
func TestABatchIsARowOfSales(t *testing.T) {
	holdings := map[sts.EA]sts.Holding{}
	for _, ea := range []sts.EA{sts.EA07, sts.EA11} {
		holdings[ea] = holding(t, func(a *sts.Attributes) { a.EA = ea })
	}
	rapid.Check(t, func(r *rapid.T) {
		h := holdings[rapid.SampledFrom([]sts.EA{sts.EA07, sts.EA11}).Draw(r, "EA")]
		n := rapid.IntRange(0, 200).Draw(r, "tokens")
		b := sts.Batch{SubClass: rapid.Uint8Range(0, 3).Draw(r, "sub-class"), Now: noon().Add(time.Duration(rapid.IntRange(0, 1e6).Draw(r, "minute")) * time.Minute)}
		for range n {
			b.Amounts = append(b.Amounts, sts.Amount(rapid.Uint16Range(0, uint16(sts.MaxCreditTenths)).Draw(r, "amount")))
			b.RND = append(b.RND, rapid.Byte().Draw(r, "RND"))
		}
		if now, err := h.BaseDate.TIDAt(b.Now); err == nil && rapid.Bool().Draw(r, "ahead") {
			b.Last = now + sts.TID(rapid.IntRange(0, 3000).Draw(r, "last"))
		}
		got, newest, err := h.AppendCredits(nil, b)
		if err != nil || len(got) != n {
			r.Fatalf("AppendCredits: %d tokens, %v, want %d", len(got), err, n)
		}
		last := b.Last
		for i, token := range got {
			if last, err = h.BaseDate.Next(last, b.Now); err != nil {
				r.Fatal(err)
			}
			want, err := sts.EncodeCredit(h.Key, sts.Credit{SubClass: b.SubClass, RND: b.RND[i] & 15, TID: last, Amount: b.Amounts[i]})
			if err != nil || token != want || last%1440 == 1 {
				r.Fatalf("token %d of %d is %s, want %s with TID %d, %v", i+1, n, token.Reveal(), want.Reveal(), last, err)
			}
		}
		if newest != last {
			r.Fatalf("newest TID %d, want %d", newest, last)
		}
	})
}

func TestABatchIsMadeWholeOrNotAtAll(t *testing.T) {
	good := func() (sts.Holding, sts.Batch) {
		return holding(t, nil), sts.Batch{Amounts: []sts.Amount{1, 2, 3}, RND: []byte{1, 2, 3}, Now: noon(), Last: 17}
	}
	tid, err := sts.Base2014.TIDAt(noon())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*sts.Holding, *sts.Batch)
		want  error
	}{
		"default key":        {func(h *sts.Holding, _ *sts.Batch) { h.KT = sts.DDTK }, sts.ErrKeyType},
		"initialisation key": {func(h *sts.Holding, _ *sts.Batch) { h.KT = sts.DITK }, sts.ErrKeyType},
		"expired":            {func(h *sts.Holding, _ *sts.Batch) { h.KEN = uint8(tid>>16) - 1 }, sts.ErrKeyExpired},
		"expires on the way": {func(h *sts.Holding, b *sts.Batch) { h.KEN, b.Last = uint8(tid>>16), (tid>>16+1)<<16-2 }, sts.ErrKeyExpired},
		"base date over":     {func(_ *sts.Holding, b *sts.Batch) { b.Now = sts.Base2014.End().Add(time.Minute) }, sts.ErrBaseDate},
		"ends on the way":    {func(_ *sts.Holding, b *sts.Batch) { b.Now = sts.Base2014.End().Add(-time.Minute) }, sts.ErrBaseDate},
		"too much":           {func(_ *sts.Holding, b *sts.Batch) { b.Amounts[2] = sts.Amount(sts.MaxCreditTenths) + 1 }, sts.ErrRange},
		"currency":           {func(_ *sts.Holding, b *sts.Batch) { b.SubClass = sts.CurrencyElectricity }, sts.ErrField},
		"random numbers":     {func(_ *sts.Holding, b *sts.Batch) { b.RND = b.RND[:2] }, sts.ErrField},
		"no key":             {func(h *sts.Holding, _ *sts.Batch) { h.Key = sts.Key{} }, sts.ErrKey},
	} {
		h, b := good()
		before, _, err := h.AppendCredits(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(&h, &b)
		got, newest, err := h.AppendCredits(before, b)
		if !errors.Is(err, c.want) || len(got) != len(before) || newest != b.Last {
			t.Errorf("%s: %d tokens, TID %d, %v, want %d, %d, %v", name, len(got), newest, err, len(before), b.Last, c.want)
		}
	}
}

func TestABatchAllocatesOnlyItsTokens(t *testing.T) {
	h := holding(t, nil)
	b := sts.Batch{Amounts: make([]sts.Amount, 1000), RND: make([]byte, 1000), Now: noon()}
	dst := make([]sts.Token, 0, 1000)
	allocations := testing.AllocsPerRun(10, func() {
		if _, _, err := h.AppendCredits(dst, b); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations for 1000 tokens, want 0", allocations)
	}
}

// TestAMillionVouchers makes one long series, as a printer of voucher cards would, and prints its rate on one core.
func TestAMillionVouchers(t *testing.T) {
	vouchers := min(chanceTokens(), 1_000_000) // more would need the TIDs of later years
	for _, ea := range []sts.EA{sts.EA07, sts.EA11} {
		h := holding(t, func(a *sts.Attributes) { a.EA = ea })
		b := sts.Batch{Amounts: make([]sts.Amount, vouchers), RND: make([]byte, vouchers), Now: noon()}
		for i := range b.Amounts {
			b.Amounts[i], b.RND[i] = sts.Amount(1+i%int(sts.MaxCreditTenths)), byte(i)
		}
		sheet := make([]sts.Token, 0, vouchers)
		began := time.Now()
		sheet, newest, err := h.AppendCredits(sheet, b)
		took := time.Since(began)
		if err != nil || len(sheet) != vouchers {
			t.Fatalf("EA%s: %d tokens, %v", ea, len(sheet), err)
		}
		var last sts.TID
		for i, token := range sheet {
			o := sts.Open(h.Key, token)
			if o.Result != sts.Accept || o.Amount != b.Amounts[i] || i > 0 && o.TID != last+1 && o.TID != last+2 || o.TID%1440 == 1 {
				t.Fatalf("EA%s: token %d: %+v after TID %d", ea, i, o, last)
			}
			last = o.TID
		}
		if last != newest {
			t.Errorf("EA%s: newest TID %d, want %d", ea, newest, last)
		}
		t.Logf("figures: %d vouchers of one key, EA%s: %d ms, %.2f million tokens/s on one core", vouchers, ea, took.Milliseconds(),
			float64(vouchers)/1e6/took.Seconds())
	}
}

func TestKeyChangesByTheRulesOfTheVendingSide(t *testing.T) {
	other := vendingKey(t, "949494949494949401234567abababababababab")
	to := func(change func(*sts.Holding)) *sts.Holding {
		a := holding(t, nil).Attributes
		a.SGC, a.KRN = "201462", 2
		h, err := sts.Hold(other, a, 255)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(&h)
		}
		return &h
	}
	from := holding(t, nil)
	expired := from
	expired.KEN = 0
	def := from
	def.KT = sts.DDTK
	for name, c := range map[string]struct {
		from   *sts.Holding
		to     *sts.Holding
		tell   bool
		tokens int
		want   error
	}{
		"two tokens":              {&from, to(nil), false, 2, nil},
		"three tokens":            {&from, to(nil), true, 3, nil},
		"from an expired key":     {&expired, to(nil), false, 2, nil},
		"from a default key":      {&def, to(nil), false, 2, nil},
		"to an expired key":       {&from, to(func(h *sts.Holding) { h.KEN = 0 }), false, 0, sts.ErrKeyExpired},
		"to a common key":         {&from, to(func(h *sts.Holding) { h.KT = sts.DCTK }), false, 0, sts.ErrKeyType},
		"to initialisation":       {&from, to(func(h *sts.Holding) { h.KT = sts.DITK }), false, 0, sts.ErrKeyType},
		"to an earlier base date": {&from, to(func(h *sts.Holding) { h.BaseDate = sts.Base1993 }), false, 0, sts.ErrBaseDate},
		"before the base date":    {&from, to(func(h *sts.Holding) { h.BaseDate = sts.Base2035 }), false, 0, sts.ErrBaseDate},
		"to the same key":         {&from, &from, false, 0, sts.ErrField},
		"of another meter":        {&from, to(func(h *sts.Holding) { h.PAN = number(t, "04140001001") }), false, 0, sts.ErrField},
	} {
		set, err := c.from.ChangeTo(c.to, noon(), c.tell)
		if !errors.Is(err, c.want) || len(set) != c.tokens {
			t.Errorf("%s: %d tokens, %v, want %d, %v", name, len(set), err, c.tokens, c.want)
		}
		for _, token := range set {
			if s, ok := sts.OpenSection(c.from.Key, token); !ok || s.Number() == 1 && s.Rollover() {
				t.Errorf("%s: opens %t, rollover %t", name, ok, s.Rollover())
			}
		}
	}
}

// TestRolloverIsSetExactlyWhenTheBaseDateMovesOn makes the published key change sets again from their contents, with
// the rollover bit derived from the base dates of both keys.
func TestRolloverIsSetExactlyWhenTheBaseDateMovesOn(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		vector
		Set, Provenance string
		Fields          struct {
			RO, KENHO  *int
			NewVending string `json:"new_vending_key_hex"`
			NewMeter   struct {
				SGC, TI  string
				KRN      uint8
				KT       sts.KeyType
				BaseDate sts.BaseDate `json:"base_date"`
			} `json:"new_meter"`
		}
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	seen, rolled := 0, 0
	for _, v := range all {
		if v.Fields.RO == nil || v.Provenance == "peer-run" { // the peer's runs combine any bit with any base date
			continue
		}
		h := sts.Holding{Key: v.decoder(t), KEN: 255, Attributes: sts.Attributes{KT: v.Meter.KT, BaseDate: v.Meter.BaseDate, PAN: number(t, v.Meter.DRN)}}
		m := v.Fields.NewMeter
		next, err := sts.Hold(vendingKey(t, v.Fields.NewVending), sts.Attributes{SGC: m.SGC, KRN: m.KRN, KT: m.KT, TI: m.TI, EA: v.EA, DKGA: v.DKGA,
			BaseDate: m.BaseDate, PAN: h.PAN}, uint8(*v.Fields.KENHO)<<4)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if h.Key.Equal(next.Key) {
			continue // CTSA19 changes a key to itself, as an exercise of the cipher
		}
		now := m.BaseDate.Time(1)
		made := false
		for _, tell := range []bool{false, true} {
			set, err := h.ChangeTo(&next, now, tell)
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			made = made || set[0].Reveal() == v.Token20
		}
		if !made {
			t.Errorf("%s: the first token is not %s", v.Name, v.Token20)
		}
		seen, rolled = seen+1, rolled+*v.Fields.RO
	}
	if seen < 10 || rolled < 2 {
		t.Errorf("only %d sets, %d of them with rollover", seen, rolled)
	}
}
