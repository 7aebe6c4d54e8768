package access

import "context"

// AddPerson lets somebody sign in. No route offers it yet.
func (a *Access) AddPerson(ctx context.Context, by Actor, n NewPerson) (AddedPerson, error) {
	if no := by.Needs(ManagePeople); no.Refused() {
		return AddedPerson{Refusal: no}, nil
	}
	return a.addPerson(ctx, by, n, false)
}
