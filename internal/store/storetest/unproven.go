package storetest

import (
	"slices"
	"strings"
)

// Unproven is a reason why verification does not prove some columns.
type Unproven struct {
	Why     string
	Partly  bool     // verification proves the columns, except as Why says
	Columns []string // each a table, a colon and its columns; * stands for all columns of the table
}

// Names returns the columns, each with its table. A star stands for the columns of the schema that no other entry names.
func (u Unproven) names(tables []SchemaTable, named map[string]bool) (names []string) {
	for _, line := range u.Columns {
		table, columns, _ := strings.Cut(line, ": ")
		if columns != "*" {
			for c := range strings.FieldsSeq(columns) {
				names = append(names, table+"."+c)
			}
			continue
		}
		i := slices.IndexFunc(tables, func(t SchemaTable) bool { return t.Name == table })
		if i < 0 {
			names = append(names, line) // no such table: the test of the lists reports it
			continue
		}
		for _, c := range tables[i].Columns {
			if name := table + "." + c.Name; !named[name] {
				names = append(names, name)
			}
		}
	}
	return names
}

// UnprovenColumns returns the columns that verification does not prove, or proves in part, each with its reason.
func UnprovenColumns() map[string]Unproven {
	tables, named, out := SchemaTables(), map[string]bool{}, map[string]Unproven{}
	for _, u := range AllUnproven() {
		for _, line := range u.Columns {
			if table, columns, _ := strings.Cut(line, ": "); columns != "*" {
				for c := range strings.FieldsSeq(columns) {
					named[table+"."+c] = true
				}
			}
		}
	}
	for _, u := range AllUnproven() {
		for _, name := range u.names(tables, named) {
			out[name] = u
		}
	}
	return out
}

// AllUnproven lists every reason, with the columns that it is about. docs/reference/unproven.md is written from it.
func AllUnproven() []Unproven {
	return []Unproven{
		{Why: "When a row was written, and how often. No figure and no right depends on it.", Columns: []string{
			"tenant: created_at version", "person: created_at version", "paper_text: version", "role_binding: created_at",
			"api_key: created_at used_at", "account: created_at version",
			"idempotency: created_at", "meter: created_at version", "meter_key: created_at version", "tariff: created_at version", "tariff_version: created_at",
			"charge_due: created_at version", "debt: version", "vendor: created_at version", "shift: created_at version", "payment: created_at version",
			"vend: version", "person_own: version", "ledger_account: id created_at", "vend_seller: created_at", "reversal: created_at version", "approval: created_at version",
			"token_job: created_at completed_at version", "units_transfer: created_at", "token: version", "standing: version", "emergency: created_at",
			"counter_device: used_at version", "meter_config: writes", "device: version", "device_password: version", "meter_swap: tries",
			"provider: created_at version listed_to", "payment_request: created_at sent_at decided_at version", "statement_file: version",
			"reconciliation: ran_at version", "difference: created_at version", "voucher_batch: created_at version", "integration_login: created_at",
			"wallet: version settled_at posted_to", "webhook: created_at version", "login: created_at seen_at", "reprint: *", "job_run: *"}},
		{Why: "Names, telephone numbers, addresses and notes of people. They must stay erasable, so nothing sealed may hold them.", Columns: []string{
			"customer: *", "number_change: *", "person: name", "service_point: *", "payment: detail channel raw", "payment_request: reason page", "voucher_batch: note"}},
		{Why: "What papers say about customers and places is proven, and the row must have the same name or address. " +
			"An older version wrote no such texts: a row that it wrote has one when the server next writes it.", Partly: true, Columns: []string{"customer: name", "service_point: address"}},
		{Why: "What meters sent and how they are doing. Meters prove their records, not the database. Money that was charged for them is proven.", Columns: []string{
			"reading: *", "meter_event: *", "token_report: *", "profile_register: *", "device_binding: *", "sight: *",
			"meter_live: boot last_seen reading_seq as_of received_at register_wh balance_wh ec_used_wh overrun_wh w mv relay reasons tamper newest_at info",
			"meter_config: has_version has_hash has_doc has_since", "wallet_day: estimated_wh", "token: state sent_at", "meter: model reading_interval_s"}},
		{Why: "Whether the supply should be on, leases and warnings. The server decides them anew from the balance and the readings.", Columns: []string{
			"wallet_supply: *", "wallet: off low1 low2 ahead_wh open_wh"}},
		{Why: "A part of the price below one minor unit, which is carried to the next reading.", Columns: []string{"wallet: rest"}},
		{Why: "Where meters stand and stood, for the figures of losses. No customer pays by them.", Columns: []string{"meter_install: *", "service_point: feeder measures"}},
		{Why: "Readings that wait for a person. Whoever decides sees the stored value, and the audit log keeps it.", Columns: []string{"quarantine: *"}},
		{Why: "Work that waits or was done: deliveries, messages, imports, calls. The server carries out what an intruder adds here. What the work does to " +
			"money leaves evidence of its own.", Columns: []string{
			"outbox: *", "message: *", "message_try: *", "message_month: *", "event_delivery: *", "import: *", "import_line: *", "import_row: *",
			"payment_call: *", "payment_question: *", "early_answer: *", "early_source: *",
			"webhook: disabled_why failing_since paused_until sequence", "alarm: *", "payment_request: ends_at"}},
		{Why: "How far a command is, and why it was given. The server signs no command whose mark is wrong, and a command that ended has none. Whoever has " +
			"kept its mark can make it wait again, until its time is over.", Columns: []string{"command: *"}},
		{Why: "A telephone number and its hold are compared only with the data key at hand. A number with a wrong mark decides for no payment and no voucher. " +
			"Whoever has kept a copy of an earlier number of the same customer, with its mark, can put it back. Where one of two customers with one number is hidden " +
			"from both the number and the text that finds it, the other's number decides until verification is read. " +
			"How long the number of a meter's SIM is held needs no key: it is in the evidence of the meter.", Partly: true, Columns: []string{
			"customer: id phone search phone_since mark", "number_change: owner by_actor self changed_at held_until"}},
		{Why: "Without the row a number that a customer gave up decides at once for another one, " +
			"for the payments that are made since that one has it. The audit log says that it was given up.", Columns: []string{
			"former_number: *"}},
		{Why: "What a meter is to do while the command waits. It is compared only with the data key at hand. Afterwards nothing depends on it.", Partly: true, Columns: []string{
			"command: id meter type args by_actor expires_at created_at mark"}},
		{Why: "Secrets that are sealed for their row: a changed one does not open, and without the data key nobody can make another.", Columns: []string{
			"webhook: secret_enc previous_enc previous_until"}},
		{Why: "The meters that a second person saw for the rows of a statement, sealed for it: changed ones do not open, and without them each row waits for a person.",
			Columns: []string{"statement_file: agreed_enc"}},
		{Why: "The figures that a request showed when it was made, and after it was done, those of what was done. Whoever approves it sees the present ones, " +
			"and a difference is pointed out. The page of a later request takes from them what is usual.", Columns: []string{
			"approval: effect"}},
		{Why: "A link shows what a reader of the database has seen already, and it moves no money.", Columns: []string{"page_link: *"}},
		{Why: "The stored file of the statement proves its rows: its hash is sealed, and it can be read again.", Columns: []string{
			"statement_file: file_enc taken fresh doubtful", "statement_row: *", "statement_day: *", "reconciliation: unknown"}},
		{Why: "How the bank spelled rows that are known. Without one, the row of another export counts as new, and the second person sees it as such.", Columns: []string{
			"statement_name: *"}},
		{Why: "Tokens that were made elsewhere and only passed on. No money moves, and the meter proves them.", Columns: []string{"given_token: *"}},
		{Why: "Facts about the file and its servers. The server checks its keys against its folder. Restores are counted and named, and rows that a restore lost are compared " +
			"with the time that it names. With what a restore was compared can be edited.", Columns: []string{"meta: *", "session: *", "leader: *"}},
		{Why: "How unusual a day is, for alarms to the utility. Ceilings compare the amount, which is proven.", Columns: []string{
			"day_total: to_at name acts window_at window_amount window_acts raised"}},
		{Why: "It limits guesses. An edit allows some more of them, and each still has to be right.", Columns: []string{
			"voucher_try: *", "counter_device: wrong", "person: factor_period"}},
		{Why: "How far TIDs may have been used elsewhere. Verification reports a floor above the first token, or below what a restore lost.", Columns: []string{"meter_key: tid_floor"}},
		{Why: "Which payment an unsold or unused voucher will become, and who may ask again about a used one. Payment and sale prove the money.", Columns: []string{"voucher: id meter"}},
		{Why: "Only the last digits of a token, to search by.", Columns: []string{"token: digits_tail"}},
		{Why: "Why a request for a token failed, and whether a key was pressed. Neither gives units.", Columns: []string{"token_job: failure", "vend: press_key"}},
		{Why: "No part of the program uses the table.", Columns: []string{"holiday_calendar: *", "outlet: *", "terminal: *", "webhook_endpoint: *", "webhook_delivery: *"}},
		{Why: "The mark of a row only counts until the row has its seal.", Columns: []string{"journal: mark", "audit: mark"}},
		{Why: "A number that is too low is found. One that is too high only skips numbers.", Partly: true, Columns: []string{
			"counter: *", "meter: command_counter config_version lease_seq"}},
		{Why: "Marks and sessions are compared only with the data key at hand. The server accepts no row with a wrong mark.", Partly: true, Columns: []string{
			"person: mark", "api_key: mark", "integration_login: mark", "standing: mark", "counter_device: mark", "login: *"}},
		{Why: "Only open holds count, and they must add up to what is held. What became of an ended one is not proven.", Partly: true, Columns: []string{"hold: *"}},
		{Why: "Answers to refused requests, and answers that are kept for a week, are not proven.", Partly: true, Columns: []string{
			"idempotency: tenant_id principal key req_hash state status body_enc expires_at"}},
		{Why: "Sales of the first day with totals may be older than the totals, so that a total of that day may be too low.", Partly: true, Columns: []string{
			"day_total: tenant_id ceiling subject from_at amount"}},
		{Why: "A month without any units may be missing or be another month.", Partly: true, Columns: []string{"usage_month: *"}},
		{Why: "A day without use and without a charge may be another day.", Partly: true, Columns: []string{"wallet_day: day"}},
		{Why: "The day of a sale is proven, by its totals, but not the moment. Of a token that nobody bought, the moment is not proven.", Partly: true, Columns: []string{
			"vend: created_at", "token: created_at answered_at result vend_id"}},
		{Why: "The order of lines that follow each other on a receipt is proven, not their numbers.", Partly: true, Columns: []string{"vend_line: seq"}},
		{Why: "A remainder of -1 counts as none.", Partly: true, Columns: []string{"vend_line: left_after"}},
		{Why: "An issue of 0 counts as none.", Partly: true, Columns: []string{"voucher: issue"}},
		{Why: "The moment up to which use was charged. It shares energy over the hours of a price between two readings.", Columns: []string{"wallet: at up"}},
		{Why: "They only count while a reading waits for a person, who decides by the stored reading.", Partly: true, Columns: []string{
			"wallet: store seq held held_open held_store held_seq held_wh held_at held_up held_clock held_since"}},
		{Why: "The use of a month on the day of a move, and of its first and last day, may count in the month before or after.", Partly: true, Columns: []string{"wallet: month month_wh"}},
		{Why: "Records out of order inside the window of 64.", Partly: true, Columns: []string{"meter_live: tenant_id meter store watermark bits rated"}},
	}
}
