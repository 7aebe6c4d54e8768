package await_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/paywatt/paywatt/internal/await"
)

// TestACredentialThatGoesOnIsFound: it goes on working, or what it opened stays open, or it never worked.
func TestACredentialThatGoesOnIsFound(t *testing.T) {
	ended := false
	good := await.Credential{Kind: "key", Works: func() bool { return !ended }, Open: func() io.Reader { return strings.NewReader("bye") }, End: func() { ended = true }}
	goesOn, stays, never := good, good, good
	goesOn.Works = func() bool { return true }
	var pipe *io.PipeReader
	stays.Open = func() io.Reader { pipe, _ = io.Pipe(); return pipe }
	never.Works = func() bool { return false }
	for name, c := range map[string]struct {
		await.Credential
		begins string
	}{
		"ends":       {good, ""},
		"goes on":    {goesOn, await.NotInTime},
		"stays open": {stays, await.NotInTime},
		"never":      {never, "key"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ended = false
			if said := failureOf(t, func(t testing.TB) { await.Ends(t, c.Credential) }); !strings.HasPrefix(said, c.begins) || c.begins == "" && said != "" {
				t.Errorf("%s: it said %q, want %q first", name, said, c.begins)
			}
			if pipe != nil {
				_ = pipe.Close()
			}
		})
	}
}
