// Package meter is the prepayment meter: every decision it takes, and nothing else.
//
// [Step] is the whole of it: a configuration, a state and one event in; the changed state and the effects to carry out
// back. It is pure in effect: one goroutine, no clock, no randomness, no floating point, no input or output, no
// allocation. The same code decides in a meter, in the simulator, in a browser and in a replay, and the same events
// from the same state always give the same effects and the same [Hash].
//
// # What a host does
//
// A host (firmware, virtual meter, simulator) owns the hardware: time, memory, contacts, keys, links. It does this, in
// this order:
//
//  1. At start it loads State, Config and [Keys] from the memory (package journal), and gives Step one EventReplay for
//     each log record the snapshot does not contain, oldest first, then one EventPowerRestore, all with what the outbox
//     has seen (NextSeq, Register, Log), then one EventTamper for every tamper switch as it stands. A new memory begins
//     with [New] instead and needs no replay. Nothing else may be given to Step before.
//  2. It stamps every event with the time since boot (Up, milliseconds, never falling within a boot) and with the clock
//     (At, Ms) and how far it trusts it. Energy comes first: all energy used before the moment Up is given with that Up or an
//     earlier one, before any other event of that moment.
//  3. It carries out the effects in the order in which they stand, each before the next, and all of them before the next
//     event: persist first, act second. The next section says what each asks for.
//  4. It comes back with EventWake no later than [Wake] says, and with energy no later than [Headroom] says. Being
//     late is safe (nothing is lost, all that was due happens then), being early changes nothing: the same time and
//     energy, split in any way at points not beyond them, give the same hash and the same effects.
//
// # What the effects ask for
//
//   - Persist: append the record to the log and make it durable, then give EventPersisted with the same record, and OK
//     or not. Not OK means that the record is certainly not in the memory; a host that cannot know stops and starts
//     again from its memory, as after a power cut. Nothing is shown, switched, answered or published before that. Only
//     one record is ever under way (State.Busy), but other events may come in between: a token is then answered with
//     busy; commands, configurations and local switches are held back by the host, for Step would drop them.
//   - Publish: append the report to the outbox and make it durable, then publish it, again and again, until the server
//     acknowledges its Seq. Reports stand in the outbox in the order of their Seq, without a hole.
//   - Checkpoint: write a snapshot when convenient; with Urgent at once, because the mains is gone.
//   - Relay: move the contact. The minimum time between two operations (5 s) and reading the contact back belong to the
//     host: a close that comes too early is delayed, an open never is.
//   - Result, Emergency, SMS, LED, Buzzer: tell people. Package panel makes the texts.
//   - Append: add the row to its history, and Publish with a History: the report too. A history is a ring beside the
//     memory; losing one loses no money. Clear: hide what the pages of the usage history show.
//   - Clock: set the calendar, or tell who wanted it that it may not be set.
//
// What belongs to the host alone: opening a token with [Keys.Open] and [Keys.Take], checking the signature and the
// expiry of what the server sends, the text of request and command ids (the core knows their [Handle]), the outbox with
// its acknowledgements, and who gets which SMS.
//
// A configuration is applied in one piece: the host decodes the document with [NewConfig], gives EventConfig with its
// version and counter, and on Persist writes the document to the memory together with the record. It then gives
// EventPersisted with the NEW configuration as c: that step and all later ones work with it. When the record could not
// be made durable, the old one stays.
//
// Keys change in the same way. For every token the host asks [Keys.Take] too, puts what it says into Event.Change, and
// keeps the Keys it returns apart. When Step then asks to persist a RecordKeys, the host writes those Keys to the memory
// together with the record, and works with them from then on. When the record could not be made durable, the old ones
// stay.
//
// # Which tokens it takes
//
// Class 0: electricity in units (sub-class 0), not under a default key. Other services and currency: function_error.
//
// Class 1: the tests in [KnownTests], for its own maker or for all, at any time. Every other test: function_error.
//
// Class 2: 0 sets the maximum power limit, which is kept and enforced (range_error for 0 W, which makers take for
// opposite things). 1 clears the credit, for the register 0 or all; other registers are function_error, numbers of none
// range_error. 5 opens the tamper latch. 3, 4, 8 and 9 are the sections of a key change, in any order, two or three for
// EA07, four for EA11: they wait up to 24 h of powered-on time for each other, and are given up for a section that does
// not fit, for another accepted token of class 2, and when the complete set is refused. 2 (tariff rate), 6 (phase
// unbalance), 7 (water factor), 10 (extended set) and all others are function_error: the credit is energy, there is one
// phase, and the sources do not say what the values mean. What is refused uses up no TID.
//
// A key change leaves credit, registers and locks as they are. It takes over what the tokens say of the key; without a
// supply group code on them (two tokens) the meter no longer knows its own. With the rollover bit TIDs count from the next
// base date, and the memory of used ones begins with zeros; otherwise it stays. Tokens of the old key do not open any
// more, the sections of the set among them.
//
// # Wallet mode
//
// With payment_mode prepay_wallet the money is at the server, and the meter supplies up to the register that a lease
// names (docs/reference/meter-rules.md#wallet-mode). A lease is a signed message like a command; the one with the higher
// number wins, and a number that was there before changes nothing. What is left of it stands in State.Balance, so that
// light, buzzer and relay follow it as they follow credit; its last Wh opens the relay, reason LEASE, and no friendly
// window puts that off. Its time is powered-on time: by default it ends nothing, and lease_grace_wh says what may still
// be used after it; a friendly window puts that off to its own end. After more than a day without a lease the customer
// has to confirm. There is no credit then: no units from tokens (function_error), no emergency credit, no warnings but
// the buzzer's.
//
// # What is promised
//
// A token is credited at most once, and never lost after it was answered with accept: the log record that says "this
// TID is used" is the same that says "this credit was added", and the log holds the difference, never a balance. The
// relay is closed exactly when no reason keeps it open, nobody has to confirm first and the wait after a power cut is
// over. A meter has its old key or its new one, with the state that belongs to it. Energy is always counted, whatever the state. A wrong token is counted durably before its result is shown, so
// that cutting the power does not buy another guess. Emergency credit is used only after the customer has asked for it, and
// tampering stays latched through every power cut until somebody with the right opens the latch over a switch that is
// normal. A wallet meter never supplies beyond its lease: not by a repeated message, a power cut or a clock that is set
// back; a cut without a save gives back at most what was not saved yet. Days are closed in order, whatever the clock does, and none twice but after a power cut. Nothing about tokens,
// locks and registers depends on the real-time clock: it decides about the hours of the buzzer, friendly windows, and when a
// day is closed.
//
// # The state machines
//
// Emergency credit, relay, power limit, tamper latch, lease, clock and friendly window are tables of transitions that Step runs;
// [Diagrams] draws them, and docs/reference/meter-states.md is that drawing. The keys of the configuration are a table
// too: [Settings], docs/reference/meter-config.md.
//
// Energy is in watt-hours, power in watts, Up in milliseconds since boot, At in Unix seconds.
package meter
