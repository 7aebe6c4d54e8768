package store

import (
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/presence"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/recharge"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/silence"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/messages"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/store/sales"
	"github.com/paywatt/paywatt/internal/timeline"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Tx is one transaction of one tenant, with the rows of every area. It is valid only inside the closure that received it, on that closure's
// goroutine.
type Tx struct {
	*core.Tx
	peopleRows
	bookRows
	meterRows
	saleRows
	messageRows
}

type (
	peopleRows  = people.Rows
	bookRows    = books.Rows
	meterRows   = meters.Rows
	saleRows    = sales.Rows
	messageRows = messages.Rows
)

var (
	_ quarantine.Tx     = (*Tx)(nil)
	_ intake.Tx         = (*Tx)(nil)
	_ command.Tx        = (*Tx)(nil)
	_ command.CourierTx = (*Tx)(nil)
	_ job.OutboxTx      = (*Tx)(nil)
	_ job.RunTx         = (*Tx)(nil)
	_ access.Tx         = (*Tx)(nil)
	_ diagnosis.Tx      = (*Tx)(nil)
	_ metering.Tx       = (*Tx)(nil)
	_ mirror.Tx         = (*Tx)(nil)
	_ notify.Tx         = (*Tx)(nil)
	_ notify.NoticeTx   = (*Tx)(nil)
	_ notify.ForgetTx   = (*Tx)(nil)
	_ registry.Tx       = (*Tx)(nil)
	_ profile.Tx        = (*Tx)(nil)
	_ recharge.Tx       = (*Tx)(nil)
	_ presence.Tx       = (*Tx)(nil)
	_ silence.Tx        = (*Tx)(nil)
	_ timeline.Tx       = (*Tx)(nil)
	_ vending.Tx        = (*Tx)(nil)
	_ vendor.Tx         = (*Tx)(nil)
	_ debt.Tx           = (*Tx)(nil)
	_ wallet.Tx         = (*Tx)(nil)
)

// NewTx makes the transaction that an engine passes to a closure; see [core.NewTx].
func NewTx(c core.Conn, t access.Tenant, now time.Time, rnd io.Reader, epoch int64, before *core.Fresh) *Tx {
	tx := core.NewTx(c, t, now, rnd, epoch, before, attestedKinds)
	return &Tx{tx, people.Of(tx), books.Of(tx), meters.Of(tx), sales.Of(tx), messages.Of(tx)}
}
