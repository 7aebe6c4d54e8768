package office

import (
	"strconv"
	"testing"

	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// pages is a list of n sales, the newest first, in pages of a hundred. Every tenth has no receipt.
func pages(n int) func(cursor string) (vending.SaleList, error) {
	return func(cursor string) (list vending.SaleList, err error) {
		from := 0
		if cursor != "" {
			from, err = strconv.Atoi(cursor)
		}
		for i := from; i < min(from+100, n); i++ {
			s := sale.Sale{ReceiptNo: strconv.Itoa(n - i)}
			if i%10 == 9 {
				s.ReceiptNo = ""
			}
			list.Sales = append(list.Sales, s)
		}
		if from+100 < n {
			list.Next = strconv.Itoa(from + 100)
		}
		return list, err
	}
}

// TestAStatementHasAllSalesOrIsRefused: a statement that leaves sales out would not add up.
func TestAStatementHasAllSalesOrIsRefused(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 250: 225, maxSales * 10 / 9: maxSales} {
		got, no, err := withReceipts(pages(n))
		if err != nil || no.Refused() || len(got) != want {
			t.Errorf("of %d sales %d are shown, want %d: %v %v", n, len(got), want, no, err)
		}
		if want > 1 && (got[0].ReceiptNo != "2" && got[0].ReceiptNo != "1" || got[want-1].ReceiptNo != strconv.Itoa(n)) {
			t.Errorf("%d sales go from %s to %s, want the oldest first", n, got[0].ReceiptNo, got[want-1].ReceiptNo)
		}
	}
	if got, no, err := withReceipts(pages(maxSales*10/9 + 1)); err != nil || no.Text != refuse.StatementTooLarge(maxSales).Text || got != nil {
		t.Errorf("a list that is too long gives %d sales: %v %v", len(got), no, err)
	}
}
