package await

import (
	"io"
	"testing"
)

// Credential is a credential that somebody has, as a test tries it.
type Credential struct {
	// Kind is its row in docs/operate/credentials.md. Write it out: a test of internal/arch looks for it.
	Kind string
	// Works tries the credential. Where it works only once, each call tries another one of the same kind.
	Works func() bool
	// Open connects with it, and returns what the server sends until it closes the connection. It is nil if nothing stays connected.
	Open func() io.Reader
	// End replaces or ends it.
	End func()
}

// Ends shows that a credential works, and ends it. Then it waits until the credential no longer works, and until the server has closed
// what was connected with it.
func Ends(t testing.TB, c Credential) {
	t.Helper()
	if !c.Works() {
		t.Fatalf("%s: it does not work before its end", c.Kind)
	}
	var open io.Reader
	if c.Open != nil {
		open = c.Open()
	}
	c.End()
	True(t, c.Kind+": it no longer works", func() bool { return !c.Works() })
	if open != nil {
		Closed(t, "what was connected with the "+c.Kind, open)
	}
}

// Closed waits until the other side closes a connection.
func Closed(t testing.TB, what string, open io.Reader) {
	t.Helper()
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, open)
		close(closed)
	}()
	Receive(t, what+" is closed", closed)
}
