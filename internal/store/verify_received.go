package store

import (
	"strconv"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

// received is how far the records of a meter's present memory have come, by three accounts: the window that decides which records are new, the
// rows that records left, and the wallet that rates readings. Somebody who raises the first or the last makes use free: the server would take
// the next records for repeats, or for use that was charged.
type received struct {
	meter           int64
	number, memory  string
	window          metering.Window
	lowest          uint64 // the lowest record that the meter still had when it booted
	record, reading uint64 // highest number of a row, and of a reading that the window has counted; 0 for none
	answer          uint64 // highest number of an answer to a command, in any memory
	wallet          ratedUpTo
}

// ratedUpTo is what a wallet says about the reading that it rated last.
type ratedUpTo struct {
	started, held, closed bool
	memory                string
	seq, heldSeq          uint64
}

// newestRecords is how many readings of a meter are read to find the one with the highest number. Records come out of order only inside the window.
const newestRecords = wire.Window

// verifyReceived compares the windows of meters with the records that are stored, and the wallets with both.
func (tx *Tx) verifyReceived(r *Report) error {
	if err := tx.verifyRated(r); err != nil {
		return err
	}
	var doubtful []received
	err := tx.receivedOf(1, ``, func(d received) error {
		if !d.agrees() {
			doubtful = append(doubtful, d)
		}
		return nil
	}, tx.Tenant)
	for _, d := range doubtful { // the newest readings came out of order, or something is wrong
		if err == nil {
			err = tx.receivedOf(newestRecords, ` AND l.meter = $2`, func(d received) error { d.report(r); return nil }, tx.Tenant, d.meter)
		}
	}
	return err
}

// verifyRated checks that the server knows of each wallet that it must rate the readings of the meter, and that it signs no command with a number
// that the meter has seen.
func (tx *Tx) verifyRated(r *Report) error {
	err := tx.C.Query(`SELECT m.number FROM wallet w JOIN meter m ON m.tenant_id = w.tenant_id AND m.n = w.meter
		LEFT JOIN meter_live l ON l.tenant_id = w.tenant_id AND l.meter = w.meter WHERE w.tenant_id = $1 AND (l.rated IS NULL OR l.rated = 0)`, func(w core.Row) error {
		r.Find("wallet", "Meter %s has a wallet, but the server does not know that it must charge for its readings. Its energy would be free.", w.Text(0))
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	return tx.C.Query(`SELECT m.number FROM meter m JOIN (SELECT meter, MAX(counter) AS highest FROM command WHERE tenant_id = $1 GROUP BY meter) c ON c.meter = m.n
		WHERE m.tenant_id = $1 AND m.command_counter < c.highest`, func(w core.Row) error {
		r.Notice("counter", "The counter of commands to meter %s is behind its commands. The meter would reject the next command.", w.Text(0))
		return nil
	}, tx.Tenant)
}

// receivedOf reads the windows of meters with what is stored of their records. Of the readings of a meter it reads the given number, newest first.
func (tx *Tx) receivedOf(readings int, condition string, each func(received) error, args ...any) error {
	newest := `(SELECT n.seq, n.store, n.meter, n.tenant_id FROM reading n WHERE n.tenant_id = l.tenant_id AND n.meter = l.meter ORDER BY n.id DESC LIMIT ` +
		strconv.Itoa(readings) + `) x WHERE x.store = l.store`
	return tx.C.Query(`SELECT l.meter, m.number, l.store, l.watermark, l.bits, l.info,
			(SELECT MAX(x.seq) FROM `+newest+`),
			(SELECT MAX(x.seq) FROM `+newest+` AND x.seq <= l.watermark
				AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.tenant_id = x.tenant_id AND q.meter = x.meter AND q.kind = 'record' AND q.store = x.store AND q.seq = x.seq)),
			(SELECT MAX(e.seq) FROM meter_event e WHERE e.tenant_id = l.tenant_id AND e.meter = l.meter AND e.store = l.store),
			(SELECT MAX(p.seq) FROM token_report p WHERE p.tenant_id = l.tenant_id AND p.meter = l.meter AND p.store = l.store),
			(SELECT MAX(c.answer_seq) FROM command c WHERE c.tenant_id = l.tenant_id AND c.meter = l.meter),
			(SELECT MAX(q.seq) FROM quarantine q WHERE q.tenant_id = l.tenant_id AND q.meter = l.meter AND q.store = l.store),
			w.store, w.seq, w.register_wh, w.held, w.held_open, w.held_seq,
			CASE WHEN EXISTS (SELECT 1 FROM account o WHERE o.tenant_id = m.tenant_id AND o.id = m.account_id AND o.status <> 'closed' AND o.opened_at <= w.at)
				THEN w.closed_at ELSE 1 END -- nobody is charged while the place is vacant, nor before the first reading after that
		FROM meter_live l JOIN meter m ON m.tenant_id = l.tenant_id AND m.n = l.meter
		LEFT JOIN wallet w ON w.tenant_id = l.tenant_id AND w.meter = l.meter
		WHERE l.tenant_id = $1 AND l.store <> ''`+condition, func(w core.Row) error {
		info := metering.ParseInfo(w.Text(5))
		d := received{meter: w.Int(0), number: w.Text(1), memory: w.Text(2), window: metering.Window{Watermark: uint64(w.Int(3)), Bits: uint64(w.Int(4))},
			lowest: info.Lowest, reading: uint64(w.Int(7)),
			wallet: ratedUpTo{memory: w.Text(12), seq: uint64(w.Int(13)), started: !w.IsNull(14), held: w.Text(15) != "" && !w.Bool(16), heldSeq: uint64(w.Int(17)), closed: !w.IsNull(18)}}
		d.answer = uint64(w.Int(10))
		for _, col := range []int{6, 8, 9, 11} {
			d.record = max(d.record, uint64(w.Int(col)))
		}
		return each(d)
	}, args...)
}

// least is the number that the window must have reached, and most the highest that it can have reached.
func (d received) least() uint64 { return max(d.record, max(d.lowest, 1)-1) }
func (d received) most() uint64  { return max(d.least(), d.answer) }

// ratesHere reports whether the wallet has rated readings of the present memory.
func (d received) ratesHere() bool { return d.wallet.started && d.wallet.memory == d.memory }

// agrees reports whether there is nothing to report.
func (d received) agrees() bool {
	w := d.wallet
	rated := !w.started || w.held || w.seq == d.reading && w.memory == d.memory || w.memory != d.memory && d.reading == 0
	highest := d.window.Highest()
	return highest >= d.least() && highest <= d.most() && d.window.Bits&1 == 0 && rated && w.heldSeq <= d.window.Watermark && (!d.ratesHere() || w.seq <= d.window.Watermark)
}

// report reports what does not agree. A few numbers without a row are only a notice: an answer to a command that a restore lost leaves none. So
// is a wallet that is behind: it catches up with the next reading.
func (d received) report(r *Report) {
	highest, most, w := d.window.Highest(), d.most(), d.wallet
	switch {
	case highest > most+wire.Window:
		r.Find("reading", "The server counts the records of meter %s up to %d as received, but the last one that is stored has number %d. It would drop the next records as repeats, and their energy would be free.",
			d.number, highest, most)
	case highest > most:
		r.Notice("reading", "The server counts the records of meter %s up to %d as received, but the last one that is stored has number %d.", d.number, highest, most)
	case highest < d.least(), d.window.Bits&1 != 0:
		r.Notice("reading", "The server has stored record %d of meter %s, but counts its records only up to %d as received. It would take records twice.", d.least(), d.number, highest)
	}
	switch {
	case !d.ratesHere() && w.started && d.reading > 0 && !w.held && !w.closed:
		r.Notice("wallet", "The wallet of meter %s is at record %d of the memory %q, but readings of its present memory %q are stored.", d.number, w.seq, w.memory, d.memory)
	case !d.ratesHere():
	case w.seq > d.window.Watermark, w.held && w.heldSeq > d.window.Watermark:
		r.Find("wallet", "The wallet of meter %s says that record %d was charged, but the meter has only sent records up to %d. The energy of the records in between would be free.",
			d.number, max(w.seq, w.heldSeq), d.window.Watermark)
	case w.seq < d.reading && !w.held && !w.closed:
		r.Notice("wallet", "Record %d of meter %s is stored but not charged: its wallet is at record %d.", d.reading, d.number, w.seq)
	case w.seq > d.reading && d.reading > 0 && !w.held:
		r.Notice("wallet", "The wallet of meter %s is at record %d, but the last reading that is stored before record %d has number %d.", d.number, w.seq, d.window.Watermark+1, d.reading)
	}
}
