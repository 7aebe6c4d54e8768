package meters

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store/core"
)

// MeterClock returns the current time of a meter: the transaction's, or a simulated meter's own.
func (tx Rows) MeterClock(m registry.Meter) (time.Time, error) {
	if !m.Simulated {
		return tx.Now, nil
	}
	live, err := tx.Live(m.N)
	if err != nil {
		return time.Time{}, err
	}
	return live.Clock(tx.Now), nil
}

// HasLinkKey reports whether messages to the meter can be signed.
func (tx Rows) HasLinkKey(meter id.ID) (bool, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM meter WHERE tenant_id = $1 AND id = $2 AND link_key_enc IS NOT NULL`, tx.Tenant, meter)
	return n > 0, fault.Wrap(err, "look for a link key")
}

// Waiting counts the commands in the outbox that are not sent to the meter yet.
func (tx Rows) Waiting(number string) (int, error) {
	n, err := tx.Number(`SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND lane = $2 AND key IN ($3, $4, $5) AND dead_at IS NULL`,
		tx.Tenant, job.LaneMQTT, job.CommandKey(number), job.SupplyKey(number), job.LeaseKey(number))
	return int(n), fault.Wrap(err, "count pending commands of meter %s", number)
}

// AddCommand adds a command and the outbox item that delivers it to its meter.
func (tx Rows) AddCommand(c command.Command, item job.Item) error {
	row, err := newCommandRow(c)
	if err == nil {
		_, err = tx.C.Exec(commandInsert, commandColumns.Values(tx.Tenant, &row, tx.markCommand(tx.Marker, &row))...)
	}
	if err == nil {
		_, err = tx.Enqueue(item)
	}
	return fault.Wrap(err, "add command %s", c.ID.Text(id.Command))
}

// commandRow is a row of command, with its meter's number.
type commandRow struct {
	command.Command
	args string // the arguments as they are stored
	mark []byte
}

// newCommandRow returns the row of a command with its arguments as text.
func newCommandRow(c command.Command) (commandRow, error) {
	args, err := json.Marshal(c.Args)
	return commandRow{Command: c, args: string(args)}, fault.Wrap(err, "write arguments of a command")
}

var commandColumns = core.Columns[commandRow]{Table: "command", Unattested: []core.Column[commandRow]{
	core.ID("id", func(c *commandRow) *id.ID { return &c.ID }),
	core.Int("meter", func(c *commandRow) *int64 { return &c.Meter }),
	core.Text("type", func(c *commandRow) *command.Type { return &c.Type }),
	core.Text("args", func(c *commandRow) *string { return &c.args }),
	core.Text("reason", func(c *commandRow) *string { return &c.Reason }),
	core.Int("counter", func(c *commandRow) *uint64 { return &c.Counter }),
	core.Text("state", func(c *commandRow) *command.State { return &c.State }),
	core.Text("answer", func(c *commandRow) *string { return &c.Answer }),
	core.Int("attempts", func(c *commandRow) *int { return &c.Attempts }),
	core.Time("expires_at", func(c *commandRow) *time.Time { return &c.ExpiresAt }),
	core.Text("by_actor", func(c *commandRow) *string { return &c.By }),
	core.Time("created_at", func(c *commandRow) *time.Time { return &c.CreatedAt }),
	core.Time("updated_at", func(c *commandRow) *time.Time { return &c.UpdatedAt }),
	core.Bytes("mark", func(c *commandRow) *[]byte { return &c.mark }).ReadOnly(),
	{Name: "answer_seq", Form: 'i'},
	{Name: "version", Form: 'i'},
}}

// commandQuery reads commands with the numbers of their meters.
var commandQuery = `SELECT COALESCE(m.number, ''), ` + commandColumns.List("c") + ` FROM command c LEFT JOIN meter m ON m.n = c.meter WHERE c.tenant_id = $1 AND `

// commandByID reads one command.
var commandByID = commandQuery + `c.id = $2`

// commandInsert adds a command; its mark is the last value of the statement.
var commandInsert = `INSERT INTO ` + commandColumns.Into("mark")

// readCommand reads a row of [commandQuery]. It judges the mark of a command that waits: no other command is ever signed. Arguments that somebody
// has made unreadable are left out, of a forged command and of one that has ended.
func (tx Rows) readCommand(r core.Row) (c commandRow, err error) {
	c.Number = r.Text(0)
	if _, err := commandColumns.Scan(r, 1, &c); err != nil {
		return c, err
	}
	c.Forged = c.State.Open() && !tx.Marker.Matches(c.mark, commandColumns.Table, tx.Tenant, c.ID[:], c.hashCommand())
	if c.Args, err = readArgs(c.args); c.Forged || !c.State.Open() {
		err = nil
	}
	return c, err
}

// hashCommand returns the hash of everything in a command that its meter would obey.
func (c *commandRow) hashCommand() core.EvidenceSum {
	whole := seal.NewLeaf("paywatt command 1").Int(c.Meter).Text(string(c.Type)).Text(c.args).Text(c.By).
		Int(c.ExpiresAt.UnixMicro()).Int(c.CreatedAt.UnixMicro()).Sum()
	return core.EvidenceSum(whole[:16])
}

// markCommand returns the mark of a command that waits. Whatever ends the command takes the mark away. Whoever has kept a copy of the mark can
// make the command wait again, but only until its time is over.
func (tx Rows) markCommand(m core.Marker, c *commandRow) []byte {
	return m.Of(commandColumns.Table, tx.Tenant, c.ID[:], c.hashCommand())
}

// commandsWaiting reads the commands that wait.
var commandsWaiting = commandQuery + `c.state IN ('queued', 'sent')`

// RemarkCommands marks the commands that wait with another key, except those that the server did not give. It returns how many it marked. No server
// may use the database meanwhile.
func (tx Rows) RemarkCommands(next core.Marker) (int, error) {
	var rows []commandRow
	err := tx.C.Query(commandsWaiting+` ORDER BY c.id`, func(r core.Row) error {
		row, err := tx.readCommand(r)
		if !row.Forged {
			rows = append(rows, row)
		}
		return err
	}, tx.Tenant)
	for i := 0; i < len(rows) && err == nil; i++ {
		err = tx.Must(`UPDATE command SET mark = $1 WHERE tenant_id = $2 AND id = $3`, tx.markCommand(next, &rows[i]), tx.Tenant, rows[i].ID)
	}
	return len(rows), fault.Wrap(err, "mark the waiting commands again")
}

// KnowsCommands reports whether the server can judge commands: its data key is that of the database.
func (tx Rows) KnowsCommands() (bool, error) {
	if tx.Marker == nil {
		return true, nil
	}
	return tx.KeyIs("data", tx.Marker.KeyMark())
}

// ForgedCommands calls fn with every command that waits and that the server did not give in this form. The parameter marked is false for a
// command without a mark. It returns how many commands wait.
func (tx Rows) ForgedCommands(fn func(c command.Command, marked bool)) (all int64, err error) {
	err = tx.C.Query(commandsWaiting, func(r core.Row) error {
		row, err := tx.readCommand(r)
		if all++; row.Forged {
			fn(row.Command, row.mark != nil)
		}
		return err
	}, tx.Tenant)
	return all, fault.Wrap(err, "check the waiting commands")
}

// readArgs reads stored arguments. Numbers become int64, because signed commands contain only whole numbers.
func readArgs(text string) (map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var args map[string]any
	if err := d.Decode(&args); err != nil {
		return nil, fmt.Errorf("read arguments of a command: %w", err)
	}
	return args, wholeNumbers(args)
}

// wholeNumbers turns the numbers of arguments into integers, also within a nested configuration.
func wholeNumbers(args map[string]any) error {
	for name, v := range args {
		switch v := v.(type) {
		case json.Number:
			whole, err := v.Int64()
			if err != nil {
				return fmt.Errorf("read argument %s of a command: %w", name, err)
			}
			args[name] = whole
		case map[string]any:
			if err := wholeNumbers(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// CommandByID reads one command.
func (tx Rows) CommandByID(i id.ID) (command.Command, bool, error) {
	var c commandRow
	found, err := tx.One(commandByID, func(r core.Row) (err error) { c, err = tx.readCommand(r); return err }, tx.Tenant, i)
	return c.Command, found, fault.Wrap(err, "read command %s", i.Text(id.Command))
}

// CommandsOf lists a meter's commands, newest first. It begins after the given command, or with the newest if it is zero.
func (tx Rows) CommandsOf(meter int64, before id.ID, max int) ([]command.Command, error) {
	var out []command.Command
	err := tx.C.Query(commandQuery+`c.meter = $2 AND c.id < $3 ORDER BY c.id DESC LIMIT $4`, func(r core.Row) error {
		c, err := tx.readCommand(r)
		out = append(out, c.Command)
		return err
	}, tx.Tenant, meter, core.UpTo(before), max)
	return out, fault.Wrap(err, "list commands of meter %d", meter)
}

// CommandCounter returns the last command counter used for a meter, and locks the meter's row.
func (tx Rows) CommandCounter(meter int64) (uint64, error) {
	n, err := tx.Number(`SELECT command_counter FROM meter WHERE tenant_id = $1 AND n = $2`+tx.C.ForUpdate(), tx.Tenant, meter)
	return uint64(n), fault.Wrap(err, "read the command counter of meter %d", meter)
}

// CommandSigned stores the counter and the arguments that a command is signed with. It also stores the counter as the last one used for the
// meter.
func (tx Rows) CommandSigned(c command.Command) error {
	row, err := newCommandRow(c)
	if err == nil {
		err = tx.Must(`UPDATE command SET counter = $1, args = $2, mark = $3, attempts = attempts + 1, updated_at = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6`, int64(c.Counter), row.args, tx.markCommand(tx.Marker, &row), tx.Now, tx.Tenant, c.ID)
	}
	if err == nil {
		err = tx.Must(`UPDATE meter SET command_counter = $1 WHERE tenant_id = $2 AND n = $3`, int64(c.Counter), tx.Tenant, c.Meter)
	}
	return fault.Wrap(err, "write the signature of command %s", c.ID.Text(id.Command))
}

// ExpireCommand ends a command that its meter has not answered in time.
func (tx Rows) ExpireCommand(i id.ID) error {
	_, err := tx.C.Exec(`UPDATE command SET state = $1, mark = NULL, updated_at = $2, version = version + 1
		WHERE tenant_id = $3 AND id = $4 AND state IN ('queued', 'sent')`, string(command.StateExpired), tx.Now, tx.Tenant, i)
	return fault.Wrap(err, "expire command %s", i.Text(id.Command))
}

// CommandSent marks a queued command as sent. If the meter's answer came first, the state from that answer stays.
func (tx Rows) CommandSent(i id.ID) error {
	_, err := tx.C.Exec(`UPDATE command SET state = $1, updated_at = $2, version = version + 1
		WHERE tenant_id = $3 AND id = $4 AND state = $5`, string(command.StateSent), tx.Now, tx.Tenant, i, string(command.StateQueued))
	return fault.Wrap(err, "mark command %s sent", i.Text(id.Command))
}

// CommandAnswered stores the state of a command and its meter's answer. The parameter seq is the number of the record that held the answer.
func (tx Rows) CommandAnswered(c command.Command, seq uint64) error {
	err := tx.Must(`UPDATE command SET state = $1, mark = NULL, answer = $2, updated_at = $3, answer_seq = $4, version = version + 1 WHERE tenant_id = $5 AND id = $6`,
		string(c.State), c.Answer, tx.Now, int64(seq), tx.Tenant, c.ID)
	return fault.Wrap(err, "command %s answered %s", c.ID.Text(id.Command), c.State)
}

// ExpireCommands ends up to max commands that expired in the outbox: behind another item of their meter, or while the meter was offline.
// ExpireCommands may be called again at any time.
func (tx Rows) ExpireCommands(max int) (int, error) {
	var late []id.ID
	var items []id.ID
	err := tx.C.Query(`SELECT id, body FROM outbox WHERE tenant_id = $1 AND lane = $2 AND kind = $3 AND dead_at IS NULL
		AND expires_at <= $4 LIMIT $5`, func(r core.Row) error {
		var b job.Body
		if err := json.Unmarshal([]byte(r.Text(1)), &b); err != nil {
			return nil // the courier drops an unreadable item
		}
		i, err := id.Parse(id.Command, b.CommandID)
		if err == nil {
			late, items = append(late, i), append(items, r.ID(0))
		}
		return nil
	}, tx.Tenant, job.LaneMQTT, job.KindCommand, tx.Now, max)
	if err != nil {
		return 0, fmt.Errorf("look for commands that are too late: %w", err)
	}
	for n, i := range late {
		if err := tx.ExpireCommand(i); err != nil {
			return 0, err
		}
		if _, err := tx.OutboxDrop(job.LaneMQTT, items[n]); err != nil {
			return 0, err
		}
	}
	return len(late), nil
}
