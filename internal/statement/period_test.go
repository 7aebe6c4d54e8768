package statement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/statement"
)

// TestWhatAFileCovers is a table of what files say about their begin and their end. All have a row on 20 November, and times are Nairobi's.
func TestWhatAFileCovers(t *testing.T) {
	camt := func(elements string) string {
		return camtWith("<Bal>", elements+"<Bal>")
	}
	period := func(from, to string) string { return camt("<FrToDt>" + from + to + "</FrToDt>") }
	const fromMidnight = "<FrDtTm>2026-11-20T00:00:00+03:00</FrDtTm>"
	until := func(to string) string { return period(fromMidnight, "<ToDtTm>"+to+"</ToDtTm>") }
	since := func(from string) string {
		return period("<FrDtTm>"+from+"</FrDtTm>", "<ToDtTm>2026-11-20T23:59:59+03:00</ToDtTm>")
	}
	closedAt := func(moment string) string {
		return strings.Replace(camtWith("", ""), ">15.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt>", ">15.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><DtTm>"+moment+"</DtTm>", 1)
	}
	mpesa := func(period string) string {
		return "Time Period:," + period + "\n" + oldHead + "QK1,20-11-2026 11:00:01,,,Completed,5.00,,,,,,,,\n"
	}
	swift := func(first, last string) string {
		return ":20:X\n:25:A1\n:" + first + ":C261120KES100,\n:61:261120C5,NTRFNONREF\n:" + last + ":C261120KES105,\n-\n"
	}
	const whole = "20T00:00:00 to 21T00:00:00"
	for _, c := range []struct{ name, file, want string }{
		{"a row and a balance", camtWith("", ""), whole},
		{"dates", period("<FrDt>2026-11-20</FrDt>", "<ToDt>2026-11-20</ToDt>"), whole},
		{"up to the last second", until("2026-11-20T23:59:59+03:00"), whole},
		{"a part of the last second", until("2026-11-20T23:59:59.999+03:00"), whole},
		{"up to the last minute", until("2026-11-20T23:59:00+03:00"), whole},
		{"up to midnight", until("2026-11-21T00:00:00+03:00"), whole},
		{"up to the hour 24", until("2026-11-20T24:00:00+03:00"), whole},
		{"without a zone", until("2026-11-20T23:59:59"), whole},
		{"the last second in UTC", until("2026-11-20T20:59:59Z"), whole},
		{"the last minute in UTC", until("2026-11-20T20:59:00Z"), whole},
		{"midnight in UTC", until("2026-11-20T21:00:00Z"), whole},
		{"the last second of a zone in the east", until("2026-11-20T23:59:59+05:00"), whole},
		{"the last second of a zone in the west", until("2026-11-20T23:59:59Z"), "20T00:00:00 to 21T03:00:00"},
		{"two midnights of one day", until("2026-11-20T00:00:00+03:00"), whole},
		{"up to noon", until("2026-11-20T12:00:00+03:00"), "20T00:00:00 to 20T12:00:00"},
		{"up to the second before noon", until("2026-11-20T11:59:59+03:00"), "20T00:00:00 to 20T12:00:00"},
		{"up to the minute before the last", until("2026-11-20T23:58:00+03:00"), "20T00:00:00 to 20T23:58:00"},
		{"up to noon in UTC", until("2026-11-20T12:00:00Z"), "20T00:00:00 to 20T15:00:00"},
		{"up to noon without a zone", until("2026-11-20T12:00:00"), "20T00:00:00 to 20T12:00:00"},
		{"up to noon of the next day", until("2026-11-21T12:00:00+03:00"), "20T00:00:00 to 21T12:00:00"},
		{"a row after the end", until("2026-11-19T12:00:00+03:00"), whole}, // runs backwards
		{"from noon", since("2026-11-20T12:00:00+03:00"), "20T12:00:00 to 21T00:00:00"},
		{"from midnight of a zone in the east", since("2026-11-20T00:00:00+05:00"), whole},
		{"from midnight of a zone in the west", since("2026-11-20T00:00:00Z"), whole},
		{"from the evening before", since("2026-11-19T18:00:00+03:00"), "19T18:00:00 to 21T00:00:00"},
		{"the balance at noon", closedAt("2026-11-20T12:00:00+03:00"), "20T00:00:00 to 20T12:00:00"},
		{"the balance at the last second", closedAt("2026-11-20T23:59:59+03:00"), whole},
		{"the balance of a date written as midnight", closedAt("2026-11-20T00:00:00+03:00"), whole},
		{"the balance at noon of a day that the period has whole", strings.Replace(closedAt("2026-11-20T12:00:00+03:00"), "<Bal>", "<FrToDt><FrDt>2026-11-20</FrDt><ToDt>2026-11-20</ToDt></FrToDt><Bal>", 1), whole},
		{"an interim balance at the end", camtWith("CLBD", "ITBD"), "20T00:00:00 to 20T23:59:59"},
		{"an interim balance at the begin", camtWith("OPBD", "ITBD"), "20T00:00:01 to 21T00:00:00"},
		{"an interim balance besides the closing one", camtWith("<Ntry>", camtBalance("ITBD", "10.00", "CRDT")+"<Ntry>"), whole},

		{"M-Pesa: a day", mpesa("From 20-11-2026 00:00:00 To 20-11-2026 23:59:59"), whole},
		{"M-Pesa: dates", mpesa("From 20-11-2026 To 20-11-2026"), whole},
		{"M-Pesa: the last minute", mpesa("From 20-11-2026 00:00 To 20-11-2026 23:59"), whole},
		{"M-Pesa: midnight", mpesa("From 20-11-2026 00:00:00 To 21-11-2026 00:00:00"), whole},
		{"M-Pesa: the hour 24", mpesa("From 20-11-2026 00:00:00 To 20-11-2026 24:00:00"), whole},
		{"M-Pesa: two midnights", mpesa("From 20-11-2026 00:00:00 To 20-11-2026 00:00:00"), whole},
		{"M-Pesa: noon", mpesa("From 20-11-2026 00:00:00 To 20-11-2026 12:00:00"), "20T00:00:00 to 20T12:00:00"},
		{"M-Pesa: noon without seconds", mpesa("2026-11-20T00:00 - 2026-11-20T12:00"), "20T00:00:00 to 20T12:00:00"},
		{"M-Pesa: from the morning", mpesa("From 20-11-2026 08:00:00 To 20-11-2026 23:59:59"), "20T08:00:00 to 21T00:00:00"},

		{"MT940", swift("60F", "62F"), whole},
		{"MT940: an intermediate balance at the end", swift("60F", "62M"), "20T00:00:00 to 20T23:59:59"},
		{"MT940: an intermediate balance at the begin", swift("60M", "62F"), "20T00:00:01 to 21T00:00:00"},
		{"MT940: both pages", swift("60F", "62M") + strings.NewReplacer("105,", "110,", "100,", "105,").Replace(swift("60M", "62F")), whole},
	} {
		format := statement.Recognise([]byte(c.file))
		s, err := statement.Read(format, strings.NewReader(c.file), statement.Options{Zone: nairobi()}, func(statement.Row) error { return nil })
		got := fmt.Sprintf("%s to %s", s.From.In(nairobi()).Format("02T15:04:05"), s.To.In(nairobi()).Format("02T15:04:05"))
		if err != nil || got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, err)
		}
	}
}
