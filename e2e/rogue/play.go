package rogue

import "fmt"

// Found is a history that ended badly.
type Found struct {
	Role    string
	Steps   []Step
	Verdict Verdict
	Log     []string        // the requests of all hands, in order
	May     map[string]bool // by move: whether P's role was allowed to ask for it
	Asked   int             // requests of P
}

// String lists the requests of the history.
func (f Found) String() string {
	out := fmt.Sprintf("P has the role %s: %s\n", f.Role, f.Verdict.Bad())
	for i, line := range f.Log {
		out += fmt.Sprintf("%3d. %s\n", i+1, line)
	}
	return out
}

// Play plays one history on a server of its own and judges it.
func (t *Utility) Play(role string, steps []Step) (f Found, err error) {
	r, err := t.begin(role)
	if err != nil {
		return f, err
	}
	defer r.end()
	r.settle()
	r.bind()
	before := r.balances()
	r.play(steps)
	v := r.judge(before)
	v.Unsound = r.srv.Verify()
	return Found{role, steps, v, r.log, r.may, r.asked}, r.err
}

// Shrink removes steps for as long as the history still ends badly, and returns the shortest that was found. It plays at most tries
// histories.
func (t *Utility) Shrink(f Found, tries int) (Found, error) {
	for size := max(1, len(f.Steps)/2); size > 0 && tries > 0; size /= 2 {
		for at := 0; at+size <= len(f.Steps) && tries > 0; tries-- {
			shorter := append(append([]Step(nil), f.Steps[:at]...), f.Steps[at+size:]...)
			g, err := t.Play(f.Role, shorter)
			if err != nil {
				return f, err
			}
			if g.Verdict.Bad() == "" {
				at += size
				continue
			}
			f = g
		}
	}
	return f, nil
}
