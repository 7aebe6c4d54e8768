package payment_test

// Tests of what a payer's text may mean, which meter it decides for, and which registration may help a parked payment.

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/payment"
)

func TestAReferenceIsMendedWhereItCanOnlyMeanOneNumber(t *testing.T) {
	type list = []string
	for text, want := range map[string][2]list{ // as typed, and mended
		"04140001001":               {{"04140001001"}, nil},
		"٠٤١٤٠٠٠١٠٠١":               {{"04140001001"}, nil}, // Arabic
		"۰۴۱۴ ۰۰۰۱ ۰۰۱":             {{"04140001001"}, nil}, // Persian
		"عداد ٠٤١٤٠٠٠١٠٠١ شكرا":     {{"04140001001"}, nil},
		"\u202a04140001001\u202c":   {{"04140001001"}, nil}, // copied with the marks of its direction
		"4140001001":                {nil, {"04140001001"}},
		"414 0001 001":              {nil, {"04140001001"}},
		"٤١٤٠٠٠١٠٠١":                {nil, {"04140001001"}},
		"O4140001001":               {nil, {"04140001001"}},
		"o414OO01OO1":               {nil, {"04140001001"}},
		"0414O00l00I":               {nil, {"04140001001"}},
		"0414 O001 00I":             {nil, {"04140001001"}},
		"414000100l":                {nil, {"04140001001"}},
		"Meter O4140001001 for Ali": {nil, {"04140001001"}},
		"0414OOOIOOI":               {nil, nil}, // four digits in eleven characters are too few
		"O412900900g":               {nil, nil}, // a letter that looks like no digit
		"O4129OO9OO9":               {nil, {"04129009009"}},
		"O4I29OO9OO9":               {nil, nil}, // five digits are too few
		"06OO123456789":             {nil, {"0600123456789"}},
		"600123456789":              {nil, {"0600123456789"}},
		"04140001002":               {nil, nil}, // a wrong check digit
		"0414000100Z":               {nil, nil}, // no letter that looks like a digit
		"oil":                       {nil, nil},
		"":                          {nil, nil},
	} {
		r := payment.ReadReference(text)
		if !slices.Equal(r.Numbers, want[0]) || !slices.Equal(r.Mended, want[1]) {
			t.Errorf("%q: numbers %v, mended %v; want %v", text, r.Numbers, r.Mended, want)
		}
	}
	if r := payment.ReadReference("0711 000 001 ٠٧١١٠٠٠٠٠٢"); !slices.Equal(r.Phones, list2("711000002")) {
		t.Errorf("telephones %v", r.Phones)
	}
}

func list2(s ...string) []string { return s }

func TestAMendedNumberDecidesOnlyAlone(t *testing.T) {
	one, two, three := payment.Found{Meter: "1"}, payment.Found{Meter: "2"}, payment.Found{Meter: "3"}
	type list = []payment.Found
	for name, c := range map[string]struct {
		named, mended, called list
		want                  string
		why                   payment.Reason
	}{
		"mended alone":              {nil, list{two}, nil, "2", payment.NoReason},
		"typed before mended":       {list{one}, list{two}, list{three}, "1", payment.NoReason},
		"two typed":                 {list{one, two}, list{three}, nil, "", payment.ManyReferences},
		"two mended":                {nil, list{one, two}, nil, "", payment.ManyReferences},
		"mended or a telephone":     {nil, list{one}, list{two}, "", payment.ManyReferences},
		"mended and its telephone":  {nil, list{one}, list{one}, "1", payment.NoReason},
		"mended, two of one number": {nil, list{one}, list{one, two}, "", payment.ManyReferences},
		"telephone":                 {nil, nil, list{three}, "3", payment.NoReason},
		"nothing":                   {nil, nil, nil, "", payment.UnknownReference},
	} {
		if got, why := payment.Match(c.named, c.mended, c.called, time.Time{}); got.Meter != c.want || why != c.why {
			t.Errorf("%s: %q %q, want %q %q", name, got.Meter, why, c.want, c.why)
		}
	}
}

func TestAPayersTelephoneDecidesAfterADay(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	found := func(meter string, age time.Duration) payment.Found {
		return payment.Found{Meter: meter, Since: now.Add(-age)}
	}
	type list = []payment.Found
	for name, c := range map[string]struct {
		called list
		want   string
		why    payment.Reason
	}{
		"a day":                 {list{found("1", 24*time.Hour)}, "1", payment.NoReason},
		"nearly a day":          {list{found("1", 24*time.Hour-1)}, "", payment.NumberHeld},
		"just now":              {list{found("1", 0)}, "", payment.NumberHeld},
		"after the payment":     {list{found("1", -time.Hour)}, "", payment.NumberNewer},
		"of an earlier version": {list{{Meter: "1"}}, "1", payment.NoReason},
		"two meters":            {list{found("1", 48*time.Hour), found("2", 48*time.Hour)}, "", payment.ManyReferences},
		"one new, one old":      {list{found("1", 48*time.Hour), found("2", 0)}, "", payment.ManyReferences},
		"none":                  {nil, "", payment.UnknownReference},
	} {
		if got, why := payment.MatchPayer(c.called, now); got.Meter != c.want || why != c.why {
			t.Errorf("%s: %q %q, want %q %q", name, got.Meter, why, c.want, c.why)
		}
	}
}

// TestAChangedTelephoneNumberDecidesForNoPayment: whoever gives the number of one customer to another gets none of the payments that were made before the
// office could see it. A first number waits for nothing.
func TestAChangedTelephoneNumberDecidesForNoPayment(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	held := func(meter string, left time.Duration) payment.Found {
		return payment.Found{Meter: meter, HeldUntil: now.Add(left)}
	}
	former := func(meter string, left time.Duration) payment.Found {
		return payment.Found{Meter: meter, HeldUntil: now.Add(left), Former: true}
	}
	first, number := payment.Found{Meter: "1"}, payment.Found{Meter: "1"}
	forged, many := payment.Found{Meter: "1", Forged: true}, held("1", time.Hour)
	many.Many = true
	type list = []payment.Found
	for name, c := range map[string]struct {
		named, mended, called list
		want                  string
		why                   payment.Reason
	}{
		"changed":                           {nil, nil, list{held("1", time.Nanosecond)}, "", payment.NumberHeld},
		"changed a day ago, or confirmed":   {nil, nil, list{held("1", 0)}, "1", payment.NoReason},
		"a first number":                    {nil, nil, list{first}, "1", payment.NoReason},
		"one changed, one first":            {nil, nil, list{held("2", time.Hour), first}, "", payment.NumberHeld},
		"given up":                          {nil, nil, list{former("2", time.Hour)}, "", payment.NumberHeld},
		"given up by one, first of another": {nil, nil, list{first, former("2", time.Nanosecond)}, "", payment.NumberHeld},
		"given up more than a day ago":      {nil, nil, list{first, former("2", 0)}, "1", payment.NoReason},
		"given up long ago, by the last":    {nil, nil, list{former("2", 0)}, "", payment.UnknownReference},
		"a number of a meter":               {list{number}, nil, list{held("2", time.Hour)}, "1", payment.NoReason},
		"a mended number":                   {nil, list{number}, list{held("2", time.Hour)}, "", payment.NumberHeld},
		"a mended number of the same meter": {nil, list{number}, list{held("1", time.Hour)}, "1", payment.NoReason},
		"forged":                            {nil, nil, list{forged}, "", payment.UnknownReference},
		"one forged, one first":             {nil, nil, list{forged, {Meter: "2"}}, "", payment.ManyReferences},
		"too many have it":                  {nil, nil, list{many}, "", payment.ManyReferences},
	} {
		if got, why := payment.Match(c.named, c.mended, c.called, now); got.Meter != c.want || why != c.why {
			t.Errorf("%s: %q %q, want %q %q", name, got.Meter, why, c.want, c.why)
		}
	}
}

// TestANumberDecidesForNoPaymentMadeBeforeItWasRegistered: whoever sees a payment that waits could otherwise register its number for another
// customer.
func TestANumberDecidesForNoPaymentMadeBeforeItWasRegistered(t *testing.T) {
	made := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	since := func(meter string, after time.Duration) payment.Found {
		return payment.Found{Meter: meter, Since: made.Add(after)}
	}
	changed, forged := since("2", time.Nanosecond), since("2", time.Hour)
	changed.HeldUntil, forged.Forged = changed.Since.Add(24*time.Hour), true
	former := payment.Found{Meter: "1", HeldUntil: made.Add(24 * time.Hour), Former: true}
	type list = []payment.Found
	for name, c := range map[string]struct {
		named, mended, called list
		want                  string
		why                   payment.Reason
	}{
		"registered before":                 {nil, nil, list{since("1", -time.Nanosecond)}, "1", payment.NoReason},
		"registered in the same moment":     {nil, nil, list{since("1", 0)}, "1", payment.NoReason},
		"registered after":                  {nil, nil, list{since("1", time.Nanosecond)}, "", payment.NumberNewer},
		"registered by an earlier version":  {nil, nil, list{{Meter: "1"}}, "1", payment.NoReason},
		"one before, one after":             {nil, nil, list{since("1", -time.Hour), since("2", time.Hour)}, "", payment.NumberNewer},
		"given up, and then another's":      {nil, nil, list{changed, former}, "", payment.NumberNewer},
		"a number of a meter":               {list{{Meter: "1"}}, nil, list{since("2", time.Hour)}, "1", payment.NoReason},
		"a mended number":                   {nil, list{{Meter: "1"}}, list{since("2", time.Hour)}, "", payment.NumberNewer},
		"a mended number of the same meter": {nil, list{{Meter: "2"}}, list{since("2", time.Hour)}, "2", payment.NoReason},
		"forged, too":                       {nil, nil, list{forged}, "", payment.UnknownReference},
	} {
		if got, why := payment.Match(c.named, c.mended, c.called, made); got.Meter != c.want || why != c.why {
			t.Errorf("%s: %q %q, want %q %q", name, got.Meter, why, c.want, c.why)
		}
	}
}

// TestAMeterDecidesForNoPaymentMadeBeforeItsCustomerMovedIn: the payer may have meant the customer who lived there before. An account that nobody had
// a place before has no such time, and neither has one that the payer named, or whose customer the payer named.
func TestAMeterDecidesForNoPaymentMadeBeforeItsCustomerMovedIn(t *testing.T) {
	made := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	opened := func(meter string, after time.Duration) payment.Found {
		return payment.Found{Meter: meter, Opened: made.Add(after)}
	}
	type list = []payment.Found
	for name, c := range map[string]struct {
		named, mended, called list
		want                  string
		why                   payment.Reason
	}{
		"moved in before":              {list{opened("1", -time.Nanosecond)}, nil, nil, "1", payment.NoReason},
		"moved in at the same moment":  {list{opened("1", 0)}, nil, nil, "1", payment.NoReason},
		"moved in after":               {list{opened("1", time.Nanosecond)}, nil, nil, "", payment.AccountNewer},
		"the first customer":           {list{{Meter: "1"}}, nil, nil, "1", payment.NoReason},
		"a mended number":              {nil, list{opened("1", time.Hour)}, nil, "", payment.AccountNewer},
		"the customer, by telephone":   {nil, nil, list{{Meter: "1"}}, "1", payment.NoReason},
		"one of two that may be meant": {list{opened("1", time.Hour), {Meter: "2"}}, nil, nil, "", payment.ManyReferences},
	} {
		if got, why := payment.Match(c.named, c.mended, c.called, made); got.Meter != c.want || why != c.why {
			t.Errorf("%s: %q %q, want %q %q", name, got.Meter, why, c.want, c.why)
		}
	}
}

func TestNumbersNearAMistypedOne(t *testing.T) {
	const right = "04140001001"
	if got := payment.NearNumbers("06001234567889"); !slices.Contains(got, "0600123456789") {
		t.Errorf("a digit of a long number is twice: %v", got)
	}
	for name, typed := range map[string]string{"a digit": "04140001009", "another digit": "04140007001", "the first": "14140001001", "swapped": "04104001001", "swapped at the end": "04140001010",
		"one is missing": "0414000101", "one is twice": "041400001001", "with a letter": "O4140001009", "without its zero": "4140001009", "Arabic": "٠٤١٤٠٠٠١٠٠٩",
		"among words":              "meter 04140001009 please",
		"the last is missing":      "0414000100",
		"swapped at the beginning": "40140001001", "behind a date": "20261127 04140001009"} {
		if got := payment.NearNumbers(typed); !slices.Contains(got, right) {
			t.Errorf("%s: %s is near %v", name, typed, got)
		}
	}
	for _, typed := range []string{"", "rent", "123", "123456789", "041400010010010", "0711"} {
		if got := payment.NearNumbers(typed); len(got) != 0 {
			t.Errorf("%q is near %v", typed, got)
		}
	}
	if n := len(payment.NearNumbers("041400010010 041400010011 041400010012 041400010013 041400010014")); n != 60 {
		t.Errorf("%d numbers of a long text; want the limit", n)
	}
	for _, n := range payment.NearNumbers("04140001009") {
		if len(n) != 11 && len(n) != 13 {
			t.Errorf("%s is no number of a meter", n)
		}
	}
}

func TestWhichRegistrationMayHelpAParkedPayment(t *testing.T) {
	account := id.ID{1, 2, 3}
	unknown := func(reference string) payment.Payment {
		return payment.Payment{State: payment.Parked, Reason: payment.UnknownReference, Reference: reference, Payer: "+254711000001", ConfirmedAt: time.Unix(1, 0)}
	}
	because := func(p payment.Payment, why payment.Reason) payment.Payment { p.Reason = why; return p }
	unsold := because(unknown("rent"), payment.NotSold)
	unsold.Meter = "04140001001"
	received := unknown("04140001001")
	received.State = payment.Applied
	unconfirmed := unknown("04140001001")
	unconfirmed.ConfirmedAt = time.Time{}
	meter, other := job.Registration{Meter: "04140001001"}, job.Registration{Meter: "04140001019"}
	phone, stranger := job.Registration{Phone: "0711 000 001"}, job.Registration{Phone: "+254711000002"}
	prices := job.Registration{Prices: true}
	for name, c := range map[string]struct {
		a    job.Registration
		p    payment.Payment
		want bool
	}{
		"its meter":                             {meter, unknown("04140001001"), true},
		"its meter, mended":                     {meter, unknown("4140001OO1"), true},
		"another meter":                         {other, unknown("04140001001"), true}, // the digits may also be a telephone number, whose customer has a meter now
		"a meter, for words":                    {meter, unknown("rent"), false},
		"its meter, among many":                 {meter, because(unknown("04140001001"), payment.ManyReferences), true},
		"its account":                           {job.Registration{Account: account.Text(id.Account)}, unknown(account.Text(id.Account)), true},
		"another account":                       {job.Registration{Account: id.ID{9}.Text(id.Account)}, unknown(account.Text(id.Account)), false},
		"an account, for words":                 {job.Registration{Account: account.Text(id.Account)}, unknown("rent"), false},
		"its telephone":                         {phone, unknown("+254 711 000 001"), true},
		"another telephone":                     {stranger, unknown("+254 711 000 001"), false},
		"the payer's telephone, for nothing":    {phone, unknown(""), true},
		"the payer's telephone, for blanks":     {phone, unknown(" \u200e"), true},
		"a stranger's telephone, for nothing":   {stranger, unknown(""), false},
		"a meter, for nothing":                  {other, unknown(""), true},
		"the payer's telephone, for words":      {phone, unknown("rent"), false},
		"prices, for words":                     {prices, unknown("rent"), false},
		"prices, for a refused sale":            {prices, unsold, true},
		"its meter, for a refused sale":         {meter, unsold, true},
		"another meter, for a refused sale":     {other, unsold, false},
		"a telephone, for a refused sale":       {phone, unsold, false},
		"its telephone, which was held":         {phone, because(unknown("+254 711 000 001"), payment.NumberHeld), false},
		"its telephone, which is newer":         {phone, because(unknown("+254 711 000 001"), payment.NumberNewer), false},
		"its meter, where another moved in":     {meter, because(unknown("04140001001"), payment.AccountNewer), false},
		"its meter, for a reversed sale":        {meter, because(unknown("04140001001"), payment.SaleReversed), false},
		"its meter, for a payment given back":   {meter, because(unknown("04140001001"), payment.GivenBack), false},
		"its meter, for another currency":       {meter, because(unknown("04140001001"), payment.OtherCurrency), false},
		"its meter, for a payment that is used": {meter, received, false},
		"its meter, for an unconfirmed payment": {meter, unconfirmed, false},
		"nothing":                               {job.Registration{}, unknown("04140001001"), false},
		"nothing, for a refused sale":           {job.Registration{}, because(unknown("x"), payment.NotSold), false},
	} {
		if got := payment.MayHelp(c.a, c.p); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
