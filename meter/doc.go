// Package meter makes every decision of a prepayment meter, and does nothing else.
//
// [Step] takes a configuration, a state and one event. It changes the state and returns the effects to carry out. It is
// deterministic: one goroutine, no clock, no randomness, no floating point, no input or output, no allocation. The same
// code runs in a meter, in the simulator, in a browser and in a replay. The same events from the same state always give
// the same effects and the same [Hash].
//
// # What a host does
//
// A host (firmware, virtual meter, simulator) owns the hardware: time, memory, contacts, keys, links. It does the
// following, in this order:
//
//  1. At start it loads State, Config and [Keys] from the memory (package journal). It then gives Step one EventReplay
//     for each log record that the snapshot does not contain, oldest first, and one EventPowerRestore. All these events
//     carry data of the outbox (NextSeq, Register, Log). One EventTamper follows for every tamper switch, with its
//     present position. A new memory begins with [New] instead and needs no replay. Step must get no other event before
//     these.
//  2. It stamps every event with the time since boot (Up, milliseconds, never falling within a boot), with the clock
//     (At, Ms) and with its trust in the clock (Clock). Energy comes first: before any other event of a moment, the
//     host gives all energy used up to that moment, with the same Up or an earlier Up.
//  3. It carries out the effects in order, each before the next, and all of them before the next event: persist first,
//     act second. The next section describes each effect.
//  4. It gives EventWake by the time that [Wake] returns, and energy as soon as [Headroom] has been used. A late event is
//     safe: no energy is lost, and all due work is done then. Early events change nothing. The host may divide the time
//     before the limit of [Wake], and the energy before the limit of [Headroom], into any number of events. The hash and
//     the effects stay the same.
//
// # What the effects ask for
//
//   - Persist: append the record to the log and make it durable, then give EventPersisted with the same record and with
//     OK. Without OK the event says that the record is certainly not in the memory; a host that cannot know must restart
//     from its memory, as after a power cut. Show, switch, answer and publish nothing before EventPersisted. Only one
//     record is ever pending (State.Busy), but other events may come in between. Step then answers a token with busy.
//     The host must hold back commands, configurations and local switches, because Step would drop them.
//   - Publish: append the report to the outbox and make it durable, then publish it repeatedly until the server
//     acknowledges its Seq. The outbox holds reports in the order of their Seq, without a gap.
//   - Checkpoint: write a snapshot when convenient. With Urgent write it at once: the mains is failing,
//     or a change must survive a power cut.
//   - Relay: move the contact. The host enforces the minimum time between two operations (5 s) and reads the contact
//     back. It delays a close that comes too early, and never delays an open.
//   - Result, Emergency, SMS, LED, Buzzer: tell people. Package panel makes the texts.
//   - Append: add the row to its history. Publish with a History: add the report to that history too. A history is a
//     ring beside the memory; the loss of a history loses no money. Clear: hide what the pages of the usage history show.
//   - Clock: set the calendar, or tell the requester that it may not be set.
//
// These duties belong to the host alone: opening a token with [Keys.Open] and [Keys.Take], checking the signature and
// the expiry of the server's messages, the text of request and command ids (the core knows only their [Handle]), the
// outbox with its acknowledgements, and who gets which SMS.
//
// A configuration is applied in one piece: the host decodes the document with [NewConfig], gives EventConfig with its
// version and counter, and on Persist writes the document to the memory together with the record. The host then gives
// EventPersisted with the NEW configuration as c: that step and all later steps use it. If the record could not be
// made durable, the old configuration stays.
//
// Keys change in the same way. For every token the host also calls [Keys.Take], puts its Change into Event.Change, and
// sets the returned Keys aside. When Step then asks to persist a RecordKeys, the host writes those Keys to the memory
// together with the record. From then on it uses them. If the record could not be made durable, the old keys stay.
//
// # Which tokens it takes
//
// Class 0: electricity in units (sub-class 0), unless the key is a default key. Other services and currency:
// function_error.
//
// Class 1: the tests in [KnownTests], for its own manufacturer code or for all makers, at any time. Every other test:
// function_error.
//
// Class 2: 0 sets the maximum power limit, which is stored and enforced (range_error for 0 W, since makers disagree on its
// meaning). 1 clears the credit if it names register 0 or all registers. The registers 1 to 7 give function_error, and any other
// number gives range_error. 5 opens the tamper latch. 3, 4, 8 and 9 are the sections of a key change, in any order, two or three
// for EA07, four for EA11. They wait up to 24 h of powered-on time for each other. The meter drops them in three cases: a section
// does not fit, the meter accepts another token of class 2, or the complete set is refused. 2 (tariff rate) is function_error
// because the credit is energy. 6 (phase unbalance) is function_error because there is one phase. 7 (water factor), 10 (extended
// set) and all other sub-classes are function_error too, because the meter does not have these features. A refused token uses up no
// TID.
//
// A key change leaves credit, registers and locks as they are. The meter takes the description of the new key from the
// tokens. A set of two tokens carries no supply group code, so afterwards the meter no longer knows its supply group.
// With the rollover bit TIDs count from the next base date, and the list of used TIDs begins with zeros; otherwise the
// list stays. Tokens of the old key no longer open, including the sections of the set.
//
// # Wallet mode
//
// With payment_mode prepay_wallet the money is at the server, and the meter supplies up to the register that a lease
// names (docs/reference/meter-rules.md#wallet-mode). A lease is a signed message like a command. The lease with the
// higher number wins, and a lease with a number seen before changes nothing. State.Balance holds the rest of the lease,
// so that light, buzzer and relay follow it as they follow credit. When the last Wh of the lease is used, the relay
// opens for the reason LEASE, and no friendly window delays that. The time of a lease is powered-on time. By default
// the end of that time cuts nothing. The setting lease_grace_wh limits the energy that may still be used afterwards; a
// friendly window delays that limit to the end of the window. After more than a day without a lease the customer has to
// confirm. A meter in wallet mode has no credit: no units from tokens (function_error), no emergency credit, and no
// warnings except those of the buzzer.
//
// # What is promised
//
// A token is credited at most once, and never lost after it was answered with accept: one log record says both "this
// TID is used" and "this credit was added", and the log holds the difference, never a balance. The relay is closed
// exactly when no reason keeps it open, no confirmation is awaited and the wait after a power cut is over. A meter has
// either its old key or its new one, with the matching state. Energy is always counted, in every state. A wrong token
// is counted durably before its result is shown, so that cutting the power does not buy another guess. Emergency credit
// is used only after the customer has asked for it. Tampering stays latched through every power cut until an authorized
// command or token opens the latch while its switch is normal. A wallet meter never supplies beyond its lease. A
// repeated message, a power cut or a clock that is set back does not extend the lease. If a power cut comes before a
// save, the meter may supply some energy a second time, but no more than was used since the last save. Days are closed
// in order, whatever the clock does. A day is closed twice only after a power cut. Tokens, locks and registers do not
// depend on the real-time clock: it decides only the hours of the buzzer, friendly windows, and when a day is closed.
//
// # The state machines
//
// Emergency credit, relay, power limit, tamper latch, lease, clock and friendly window are tables of transitions that Step runs;
// [Diagrams] draws them, and docs/reference/meter-states.md is that drawing. The keys of the configuration are a table
// too: [Settings], docs/reference/meter-config.md.
//
// Energy is in watt-hours, power in watts, Up in milliseconds since boot, At in Unix seconds.
package meter
