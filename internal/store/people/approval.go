package people

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// ApprovalColumns are the columns of an approval.
var ApprovalColumns = core.Columns[access.Approval]{Table: "approval", Attested: []core.Column[access.Approval]{
	core.Text("act", func(a *access.Approval) *access.Act { return &a.Act }),
	core.Text("need", func(a *access.Approval) *access.Right { return &a.Right }),
	core.Text("object", func(a *access.Approval) *string { return &a.Object }),
	core.Text("summary", func(a *access.Approval) *string { return &a.Summary }),
	core.Text("body", func(a *access.Approval) *[]byte { return &a.Body }),
	core.ID("maker_id", func(a *access.Approval) *id.ID { return &a.Maker.ID }),
	actorColumn("maker", func(a *access.Approval) (*access.Actor, **time.Time) { return &a.Maker, &a.MakerConfirmed }),
	core.ID("checker_id", func(a *access.Approval) *id.ID { return &a.Checker.ID }),
	actorColumn("checker", func(a *access.Approval) (*access.Actor, **time.Time) { return &a.Checker, new(*time.Time) }),
	core.Text("state", func(a *access.Approval) *access.ApprovalState { return &a.State }),
	core.Text("reason", func(a *access.Approval) *string { return &a.Reason }),
	core.Time("decided_at", func(a *access.Approval) *time.Time { return &a.DecidedAt }),
}, Unattested: []core.Column[access.Approval]{
	{Name: "tenant_id", Form: 'i', Read: func(a *access.Approval, r core.Row, col int) error {
		a.Maker.Tenant, a.Checker.Tenant = access.Tenant(r.Int(col)), access.Tenant(r.Int(col))
		return nil
	}},
	core.ID("id", func(a *access.Approval) *id.ID { return &a.ID }),
	core.Time("created_at", func(a *access.Approval) *time.Time { return &a.CreatedAt }),
	core.Text("effect", func(a *access.Approval) *string { return &a.Effect }),
	{Name: "version", Form: 'i'},
}}

// ApprovalKind describes the evidence of approvals.
var ApprovalKind = core.AttestedKind{Name: "approval", Noun: "Approval", Prefix: id.Approval, From: "approval r", Key: "id", Order: "r.version",
	Proof: ApprovalColumns.Proof("r")}

// actorRow is the stored form of the person or key that requested or decided an approval. It leaves out the identity and the tenant, which
// have columns of their own.
type actorRow struct {
	Kind   access.Kind `json:"kind,omitempty"`
	Name   string      `json:"name,omitempty"`
	Role   access.Role `json:"role,omitempty"`
	Vendor string      `json:"vendor,omitempty"`
	// Answers is the identity of the person or key that answers for an API key.
	Answers []byte `json:"answers,omitempty"`
	// Confirmed is the maker's last confirmation before the request.
	Confirmed *time.Time `json:"confirmed,omitempty"`
}

func writeActor(a access.Actor, confirmed *time.Time) (string, error) {
	row := actorRow{Kind: a.Kind, Name: a.Name, Role: a.Role, Confirmed: confirmed}
	if !a.Vendor.IsZero() {
		row.Vendor = a.Vendor.Text(id.Vendor)
	}
	if !a.Answers.IsZero() {
		row.Answers = a.Answers[:]
	}
	b, err := json.Marshal(row)
	return string(b), err
}

// actorColumn is the column that writeActor writes for an actor. The identity and the tenant have columns of their own.
func actorColumn(name string, fields func(*access.Approval) (*access.Actor, **time.Time)) core.Column[access.Approval] {
	return core.Column[access.Approval]{Name: name, Form: 't', Read: func(to *access.Approval, r core.Row, col int) (err error) {
		var row actorRow
		if err := json.Unmarshal([]byte(r.Text(col)), &row); err != nil {
			return err
		}
		a, confirmed := fields(to)
		a.Kind, a.Name, a.Role = row.Kind, row.Name, row.Role
		*confirmed = row.Confirmed
		copy(a.Answers[:], row.Answers)
		if row.Vendor != "" {
			a.Vendor, err = id.Parse(id.Vendor, row.Vendor)
		}
		return err
	}}
}

// FourEyes returns the tenant's setting and the rights that bind. It takes no lock, because a caller who decides about an act already holds
// other locks.
func (tx Rows) FourEyes() (access.FourEyesRule, error) {
	settings := ""
	_, err := tx.One(`SELECT settings FROM tenant WHERE id = $1`, func(r core.Row) error { settings = r.Text(0); return nil }, tx.Tenant)
	if err != nil {
		return access.FourEyesRule{}, fault.Wrap(err, "read the setting for an approval")
	}
	var s struct {
		FourEyes *bool          `json:"four_eyes"`
		Bound    []access.Right `json:"four_eyes_bound"`
	}
	err = json.Unmarshal([]byte(settings), &s)
	return access.FourEyesRule{Set: s.FourEyes, Bound: s.Bound}, fault.Wrap(err, "read the setting for an approval")
}

// BindFourEyes stores the rights that need a second person from now on.
func (tx Rows) BindFourEyes(bound []access.Right) error {
	return fault.Wrap(tx.editSettings(func(more map[string]json.RawMessage) (err error) {
		more[boundKey], err = json.Marshal(bound)
		return err
	}), "store the rights that need a second person")
}

// ReleaseFourEyes removes the setting of four eyes, so that the default holds.
func (tx Rows) ReleaseFourEyes() error {
	return fault.Wrap(tx.editSettings(func(more map[string]json.RawMessage) error {
		delete(more, fourEyesKey)
		return nil
	}), "remove the setting of four eyes")
}

// editSettings changes the tenant's JSON object of settings.
func (tx Rows) editSettings(edit func(more map[string]json.RawMessage) error) error {
	t, err := tx.TenantRow()
	if err != nil {
		return err
	}
	more, err := MoreSettings(t)
	if err != nil {
		return err
	}
	if err := edit(more); err != nil {
		return err
	}
	text, err := json.Marshal(more)
	if err != nil {
		return err
	}
	t.Settings = string(text)
	ok, err := tx.PutTenant(t)
	if err == nil && !ok {
		err = fmt.Errorf("%w: changed while they were locked", core.ErrConflict)
	}
	return err
}

// AddApproval stores an act that waits for a second person.
func (tx Rows) AddApproval(a access.Approval) error {
	maker, err := writeActor(a.Maker, a.MakerConfirmed)
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO `+ApprovalColumns.Into("maker"), ApprovalColumns.Values(tx.Tenant, &a, maker)...)
	}
	if err == nil {
		err = tx.Attest("approval", a.ID)
	}
	return fault.Wrap(err, "store approval")
}

// ApprovalByID reads an approval and locks it.
func (tx Rows) ApprovalByID(i id.ID) (access.Approval, bool, error) {
	var a access.Approval
	found, err := tx.One(`SELECT `+ApprovalColumns.List("")+` FROM approval WHERE tenant_id = $1 AND id = $2`+tx.C.ForUpdate(), ApprovalColumns.To(&a), tx.Tenant, i)
	return a, found, fault.Wrap(err, "read approval")
}

// PutApproval writes how an approval was decided or used. The parameter from is the state that the approval must have before. PutApproval
// returns false if the state is different.
func (tx Rows) PutApproval(a access.Approval, from access.ApprovalState) (bool, error) {
	checker, err := writeActor(a.Checker, nil)
	if err != nil {
		return false, fault.Wrap(err, "write approval")
	}
	n := int64(0)
	err = tx.Rewrite("approval", a.ID, func() error {
		n, err = tx.C.Exec(`UPDATE approval SET state = $1, checker_id = $2, checker = $3, reason = $4, decided_at = $5, effect = $6, version = version + 1
			WHERE tenant_id = $7 AND id = $8 AND state = $9`, string(a.State), a.Checker.ID, checker, a.Reason, a.DecidedAt, a.Effect, tx.Tenant, a.ID, string(from))
		return err
	})
	return n == 1, fault.Wrap(err, "write approval")
}

// ApprovalPage lists approvals in a state (empty for all), newest first. It begins after the given approval, or with the newest if it is zero.
func (tx Rows) ApprovalPage(state access.ApprovalState, before id.ID, max int) ([]access.Approval, error) {
	out, err := ApprovalColumns.All(tx.C, `tenant_id = $1 AND ($2 = '' OR state = $2) AND id < $3 ORDER BY id DESC LIMIT $4`,
		tx.Tenant, string(state), core.UpTo(before), max)
	return out, fault.Wrap(err, "list approvals")
}

// DoneEffects returns the effects of the newest approvals of an act that were requested since a time and are done. It leaves out approvals without
// one.
func (tx Rows) DoneEffects(act access.Act, since time.Time, max int) (out []string, err error) {
	err = tx.C.Query(`SELECT effect FROM approval WHERE tenant_id = $1 AND id >= $2 AND act = $3 AND state = $4 AND effect <> '' ORDER BY id DESC LIMIT $5`,
		func(r core.Row) error { out = append(out, r.Text(0)); return nil }, tx.Tenant, id.First(since), string(act), string(access.ApprovalUsed), max)
	return out, fault.Wrap(err, "read what approvals of %s did", act)
}
