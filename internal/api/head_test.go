package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/proof"
)

// head is a signed head, as the server sends it.
type head struct {
	Size      int64
	Note      string
	PublicKey string `json:"public_key"`
	Since     int64
	File      string
}

func TestAReceiptIsFetchedWithItsProof(t *testing.T) {
	w := begin(t)
	old := decode[head](t, w.want(200, w.get("/v1/heads/newest")))
	s := decode[sale](t, w.want(201, w.sell("proof-0001", order("10000"))))
	path := "/v1/vends/" + s.ID + "/receipt"
	plain := string(w.want(200, w.get(path+"?format=json")).body)
	a := w.want(200, w.get(path+"?format=json&proof=1"))
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	if body := string(a.body); !strings.HasPrefix(body, strings.TrimSuffix(plain, "}")+`,"proof":{`) {
		t.Errorf("the receipt itself is another one with its proof:\n%s\n%s", plain, body)
	}
	now := decode[head](t, w.want(200, w.get("/v1/heads/newest?since="+fmt.Sprint(old.Size))))
	under := w.want(200, w.get(fmt.Sprintf("%s?proof=1&head=%d", path, now.Size))).body
	var files []proof.HeadFile
	for _, h := range []head{old, now} {
		f, err := proof.ParseHeadFile("head", h.File)
		if err != nil || f.Note != h.Note || f.Key != h.PublicKey || f.Since != h.Since {
			t.Fatalf("the file of a head says something else than its answer: %v\n%+v", err, h)
		}
		files = append(files, f)
	}
	if v := proof.Check(proof.Question{Receipt: under, Heads: files, Key: now.PublicKey}); v.Answer != proof.Proven {
		t.Errorf("%s: %s %q", v.Answer, v.What, v.Changed)
	}
	for query, code := range map[string]string{
		"?proof=1&format=text48": "invalid-request", "?proof=1&note=credit": "invalid-request", "?head=5": "invalid-request",
		"?proof=1&head=-1": "invalid-request", "?proof=1&head=999999": "not-found", fmt.Sprintf("?proof=1&head=%d", old.Size): "not-found",
	} {
		if got, _ := w.problem(w.get(path + query)); got != code {
			t.Errorf("%s: %s, want %s", query, got, code)
		}
	}
	for query, code := range map[string]string{"0": "invalid-request", "-5": "invalid-request", "last": "invalid-request", "999999": "not-found",
		"newest?since=999999": "not-found", fmt.Sprintf("%d?since=%d", old.Size, now.Size): "not-found"} {
		if got, _ := w.problem(w.get("/v1/heads/" + query)); got != code {
			t.Errorf("head %s: %s, want %s", query, got, code)
		}
	}
	if a := w.get("/v1/heads/1"); a.status != 200 { // the sealer decides whether a head was signed so early
		if code, _ := w.problem(a); code != "not-found" {
			t.Errorf("the smallest head: %s, want not-found", code)
		}
	}
}
