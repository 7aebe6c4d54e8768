package access

import "testing"

// TestKeyBoundsHoldRights: a key has no right that its person lacks, or that the key through which it is made lacks.
func TestKeyBoundsHoldRights(t *testing.T) {
	for _, c := range []struct {
		name string
		b    keyBounds
		role Role
		want string
	}{
		{"the command line", keyBounds{server: true}, Owner, ""},
		{"nobody", keyBounds{}, Support, "key-beyond-person"},
		{"an owner", keyBounds{person: PersonRow{Role: Owner}}, Finance, ""},
		{"a supervisor", keyBounds{person: PersonRow{Role: Supervisor}}, Operator, "key-beyond-person"},
		{"an owner through a supervisor's key", keyBounds{person: PersonRow{Role: Owner}, through: &Key{Role: Supervisor}}, Operator, "key-beyond-maker"},
		{"an owner through an operator's key", keyBounds{person: PersonRow{Role: Owner}, through: &Key{Role: Operator}}, Operator, ""},
	} {
		if no := c.b.allow(Key{Role: c.role}); no.Text != c.want {
			t.Errorf("%s, a key of the role %s: %q, want %q", c.name, c.role, no.Text, c.want)
		}
	}
}
