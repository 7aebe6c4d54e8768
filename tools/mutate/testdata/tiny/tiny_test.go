package tiny

import "testing"

func TestFee(t *testing.T) {
	if Fee(5) != 0 || Fee(50) != 50 {
		t.Fatal(Fee(5), Fee(50))
	}
}

func TestLast(t *testing.T) {
	if got := Last([]string{"a", "b"}); got != "b" {
		t.Fatal(got)
	}
}
