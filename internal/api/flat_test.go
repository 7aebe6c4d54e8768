package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestFlatsArePagedToTheirEnd: pages of any size give every flat of the building once, in the order of one large page. A cursor of another
// building is refused.
func TestFlatsArePagedToTheirEnd(t *testing.T) {
	w := begin(t)
	for _, number := range []string{"04140001035", "04140001043", "04140001050", "04140001068"} {
		w.want(201, w.post("/v1/meters", strings.Replace(newMeter(number), `"mode"`, `"feeder":"Hill","mode"`, 1)))
	}
	type page struct {
		Data       []struct{ Meter, State string }
		NextCursor string `json:"next_cursor"`
	}
	all := decode[page](t, w.want(200, w.get("/v1/flats?feeder=Hill")))
	if len(all.Data) != 4 || all.NextCursor != "" {
		t.Fatalf("all flats: %+v", all)
	}
	for limit := 1; limit <= 4; limit++ {
		var got page
		for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
			p := decode[page](t, w.want(200, w.get(fmt.Sprintf("/v1/flats?feeder=Hill&limit=%d&cursor=%s", limit, cursor))))
			got.Data = append(got.Data, p.Data...)
			if cursor = p.NextCursor; cursor != "" {
				w.want(400, w.get("/v1/flats?cursor="+cursor))
			}
		}
		if limit == 1 && !slices.Equal(got.Data, all.Data) || len(got.Data) != 4 {
			t.Errorf("pages of %d: %+v, want %+v", limit, got.Data, all.Data)
		}
	}
}
