package api_test

import "testing"

// TestCounterDevicesAreListedAndRevoked lists a person's devices in pages of two, the newest first, and revokes one once.
func TestCounterDevicesAreListedAndRevoked(t *testing.T) {
	s := setStage(t)
	p, other := s.invited(), s.invited()
	want := []string{"", "", ""}
	for i := range want {
		want[len(want)-1-i] = s.device(p)
	}
	s.device(other)
	type page struct {
		Data []struct {
			ID, Name string
			Used     *string `json:"last_used_at"`
		}
		Next string `json:"next_cursor"`
	}
	path := "/v1/people/" + p + "/devices"
	first := decode[page](t, s.do(200, "GET", path+"?limit=2", ""))
	if len(first.Data) != 2 || first.Next == "" || first.Data[0].Name != "Counter 1" || first.Data[0].Used != nil {
		t.Fatalf("the first page: %+v", first)
	}
	second := decode[page](t, s.do(200, "GET", path+"?limit=2&cursor="+first.Next, ""))
	if len(second.Data) != 1 || second.Next != "" {
		t.Fatalf("the second page: %+v", second)
	}
	for i, d := range append(first.Data, second.Data...) {
		if d.ID != want[i] {
			t.Errorf("device %d is %s, want %s", i, d.ID, want[i])
		}
	}
	s.do(404, "DELETE", "/v1/people/"+other+"/devices/"+want[1], "")
	s.do(200, "DELETE", path+"/"+want[1], "")
	s.do(404, "DELETE", path+"/"+want[1], "")
	if left := decode[page](t, s.do(200, "GET", path, "")); len(left.Data) != 2 || left.Data[0].ID != want[0] || left.Data[1].ID != want[2] {
		t.Errorf("after revoking %s: %+v", want[1], left)
	}
}
