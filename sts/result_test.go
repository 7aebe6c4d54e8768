package sts_test

import (
	"testing"

	"github.com/paywatt/paywatt/sts"
)

func TestResultsHaveTheNamesAndNumbersOfMeters(t *testing.T) {
	for _, c := range []struct {
		r      sts.Result
		name   string
		status uint8
	}{
		{sts.Accept, "accept", 1}, {sts.KCT1st, "kct_1st", 2}, {sts.KCTNth, "kct_nth", 3}, {sts.OverflowError, "overflow_error", 4},
		{sts.KeyTypeError, "key_type_error", 5}, {sts.FormatError, "format_error", 6}, {sts.RangeError, "range_error", 7},
		{sts.FunctionError, "function_error", 8}, {sts.OldError, "old_error", 9}, {sts.UsedError, "used_error", 10},
		{sts.KeyExpiredError, "key_expired_error", 11}, {sts.DDTKError, "ddtk_error", 12}, {sts.CRCError, "crc_error", 13},
		{sts.MfrCodeError, "mfr_code_error", 14}, {sts.Locked, "locked", 15}, {sts.Busy, "busy", 16}, {sts.StorageError, "storage_error", 0},
	} {
		status, ok := c.r.Status()
		if c.r.String() != c.name || ok != (c.status != 0) || ok && status != c.status {
			t.Errorf("%d is %s with status %d, %t, want %s, %d", uint8(c.r), c.r, status, ok, c.name, c.status)
		}
		if got, ok := sts.ParseResult(c.name); !ok || got != c.r {
			t.Errorf("ParseResult(%s) = %s, %t", c.name, got, ok)
		}
	}
}

func TestNoResultIsNotYes(t *testing.T) {
	var none sts.Result
	if _, ok := none.Status(); ok || none == sts.Accept || none.String() != "none" || sts.Result(200).String() != "none" {
		t.Errorf("the zero result is %s", none)
	}
	for _, name := range []string{"none", "", "Accept", "accepted"} {
		if r, ok := sts.ParseResult(name); ok {
			t.Errorf("ParseResult(%q) = %s", name, r)
		}
	}
}
