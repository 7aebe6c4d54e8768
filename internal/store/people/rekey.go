package people

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// DataKeyChange is what a rotation of the data key makes of the rows.
type DataKeyChange struct {
	Next   core.Marker                                         // makes marks with the new key
	Carry  func(form []byte) []byte                            // makes the new stored form from the old one
	Reseal func(context string, sealed []byte) ([]byte, error) // seals a sealed text under the new key
}

// RekeyPeople puts people, their links and second factors, API keys, counter devices and logins of the integration broker under a new data key. It
// ends all sessions. It returns how many rows it changed.
func (tx Rows) RekeyPeople(r DataKeyChange) (total int, err error) {
	form := func(plain [32]byte) [32]byte { return [32]byte(r.Carry(plain[:])) }
	for _, step := range []func() (int, error){
		func() (int, error) {
			return tx.Remark(&KeyKind, r.Next, func(row id.ID) error { return tx.keyHash(&KeyKind, row, form) })
		},
		func() (int, error) {
			return tx.Remark(&IntegrationKind, r.Next, func(row id.ID) error { return tx.keyHash(&IntegrationKind, row, form) })
		},
		func() (int, error) {
			return tx.Remark(&DeviceKind, r.Next, func(row id.ID) error { return tx.keyHash(&DeviceKind, row, form) })
		},
		func() (int, error) {
			return tx.Remark(&PersonKind, r.Next, func(row id.ID) error { return tx.rekeyFactor(row, r) })
		},
		func() (int, error) {
			return tx.Remark(&StandingKind, r.Next, func(row id.ID) error { return tx.rekeyLink(row, r) })
		},
		func() (int, error) { return tx.rekeyDevices(r) },
		func() (int, error) {
			n, err := tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1`, tx.Tenant)
			return int(n), fault.Wrap(err, "end all sessions")
		},
	} {
		n, err := step()
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}

// rekeyFactor seals a person's second factor under the new key, and carries the forms of the recovery codes over to it.
func (tx Rows) rekeyFactor(person id.ID, r DataKeyChange) error {
	var sealed, codes []byte
	_, err := tx.One(`SELECT factor, recovery FROM person WHERE tenant_id = $1 AND id = $2`, func(w core.Row) error {
		sealed, codes = w.Bytes(0), w.Bytes(1)
		return nil
	}, tx.Tenant, person)
	if err != nil || len(sealed) == 0 {
		return err
	}
	if sealed, err = r.Reseal(access.FactorContext(person), sealed); err != nil {
		return fault.Wrap(err, "seal the second factor of %s again", person.Text(id.Person))
	}
	_, err = tx.C.Exec(`UPDATE person SET factor = $1, recovery = $2, version = version + 1 WHERE tenant_id = $3 AND id = $4`, sealed, access.CarryCodes(codes, r.Carry), tx.Tenant, person)
	return err
}

// rekeyLink carries the form of a person's open one-time link over to the new key.
func (tx Rows) rekeyLink(person id.ID, r DataKeyChange) error {
	var link []byte
	_, err := tx.One(`SELECT link_hash FROM standing WHERE tenant_id = $1 AND id = $2`, func(w core.Row) error { link = w.Bytes(0); return nil }, tx.Tenant, person)
	if err != nil || len(link) == 0 {
		return err
	}
	_, err = tx.C.Exec(`UPDATE standing SET link_hash = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, r.Carry(link), tx.Tenant, person)
	return err
}

// rekeyDevices carries the form of the password of unmodified devices over to the new key.
func (tx Rows) rekeyDevices(r DataKeyChange) (int, error) {
	var form []byte
	found, err := tx.One(`SELECT hash FROM device_password WHERE tenant_id = $1`, func(w core.Row) error { form = w.Bytes(0); return nil }, tx.Tenant)
	if err != nil || !found {
		return 0, err
	}
	_, err = tx.C.Exec(`UPDATE device_password SET hash = $1 WHERE tenant_id = $2`, r.Carry(form), tx.Tenant)
	return 1, fault.Wrap(err, "convert the password of devices")
}
