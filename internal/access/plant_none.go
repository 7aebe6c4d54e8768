//go:build !faultinject

package access

// plantedAlone is false in a release, whose rules cannot be switched off.
func plantedAlone(Act) bool { return false }

// plantedNobody is false in a release: a key of nobody never counts as a person.
func plantedNobody() bool { return false }

// plantedUnconfirmed is false in a release: a person who is not confirmed counts as others too.
func plantedUnconfirmed() bool { return false }

// plantedNoCeiling is false in a release, whose ceilings cannot be switched off.
func plantedNoCeiling(Ceiling) bool { return false }

// plantedLimited is false in a release: a limited key gives nothing that lasts without the limits of the key.
func plantedLimited() bool { return false }
