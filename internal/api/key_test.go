package api_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
)

// TestAKeyOverHTTP: a person's key creates, lists, replaces and revokes keys of the same person. The answer to a repeated request has no
// secret.
func TestAKeyOverHTTP(t *testing.T) {
	w := begin(t)
	mine, n := w.newKey(access.Owner), 0
	ask := func(key string, status int, method, path, body string) apiv1.Key {
		t.Helper()
		n++
		return decode[apiv1.Key](t, w.want(status, w.ask(method, path, key, body, "Idempotency-Key", fmt.Sprintf("keys-%04d", n))))
	}
	works := func(what string, k apiv1.Key, want int) {
		t.Helper()
		if a := w.ask("GET", "/v1/meters", k.Secret, ""); a.status != want {
			t.Errorf("%s: status %d, want %d: %s", what, a.status, want, a.body)
		}
	}
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	body := `{"role":"support","name":"till 3","expires_at":"` + end.Format(time.RFC3339) + `","from":["127.0.0.0/8"]}`
	k := ask(mine, 201, "POST", "/v1/keys", body)
	if k.Name != "till 3" || k.Role != "support" || k.State != "works" || k.ExpiresAt == nil || !k.ExpiresAt.Equal(end) || strings.Join(k.From, " ") != "127.0.0.0/8" ||
		!strings.HasPrefix(k.Person, "usr_") || !strings.HasSuffix(k.Email, "@example.org") || !strings.HasPrefix(k.Secret, access.KeyPrefix) || k.SecretGone != "" {
		t.Errorf("the new key is %+v", k)
	}
	works("the new key", k, 200)
	a := w.want(201, w.ask("POST", "/v1/keys", mine, body, "Idempotency-Key", "keys-0001"))
	if again := decode[apiv1.Key](t, a); a.header.Get("Idempotency-Replayed") != "true" || again.ID != k.ID || again.Name != k.Name || again.Secret != "" || again.SecretGone == "" ||
		bytes.Contains(a.body, []byte(k.Secret)) {
		t.Errorf("the repeated request gets %s", a.body)
	}
	next := ask(mine, 201, "POST", "/v1/keys/"+k.ID+"/rotate", `{"overlap_s":0}`)
	if next.ID == k.ID || next.Name != k.Name || next.Person != k.Person || next.Secret == "" || next.Secret == k.Secret {
		t.Errorf("the key that replaces it is %+v", next)
	}
	works("the replaced key", k, 401)
	works("the key that replaces it", next, 200)
	ask(mine, 400, "POST", "/v1/keys/"+next.ID+"/rotate", `{"overlap_s":9223372036854775807}`)
	ask(w.newKey(access.Owner), 403, "POST", "/v1/keys/"+next.ID+"/rotate", `{}`)
	ask(mine, 200, "DELETE", "/v1/keys/"+next.ID, "")
	ask(mine, 404, "DELETE", "/v1/keys/"+next.ID, "")
	works("the revoked key", next, 401)
	brief := ask(mine, 201, "POST", "/v1/keys", `{"role":"owner","expires_at":"`+end.Format(time.RFC3339)+`"}`)
	if code, _ := w.problem(w.want(403, w.ask("POST", "/v1/keys", brief.Secret, `{"role":"owner"}`))); code != "forbidden" {
		t.Errorf("a key makes one that outlives it: %s", code)
	}
	states := map[string]string{}
	for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
		l := decode[apiv1.List[apiv1.Key]](t, w.want(200, w.ask("GET", "/v1/keys?limit=2&cursor="+cursor, mine, "")))
		for _, row := range l.Data {
			if states[row.ID] != "" || row.Secret != "" || row.SecretGone != "" {
				t.Errorf("a row of the list is %+v", row)
			}
			states[row.ID] = row.State
		}
		if cursor = l.NextCursor; page > 9 {
			t.Fatal("the list does not end")
		}
	}
	if states[k.ID] != "expired" || states[next.ID] != "revoked" || states[brief.ID] != "works" || len(states) < 6 {
		t.Errorf("the states of the keys are %v", states)
	}
	person := w.want(200, w.ask("POST", "/v1/people/"+brief.Person+"/block", mine, `{}`))
	l := decode[apiv1.List[apiv1.Key]](t, w.want(200, w.ask("GET", "/v1/keys", w.newKey(access.Owner), "")))
	for _, row := range l.Data {
		if row.ID == brief.ID && row.State != "stopped" {
			t.Errorf("the person is blocked (%s), and the state of the key is %s", person.body, row.State)
		}
	}
}
