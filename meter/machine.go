package meter

import "github.com/paywatt/paywatt/supply"

// transition is a row of the table of a state machine: on the input, the machine goes from one state to another and
// reports the event with the code, or none if the code is 0. An input without a row does not change the state. Step
// runs these tables, and [Diagrams] draws them.
type transition[S, I ~uint8] struct {
	from S
	on   I
	to   S
	code Code
}

// lookup returns the row for an input.
func lookup[S, I ~uint8](table []transition[S, I], from S, on I) (transition[S, I], bool) {
	for i := range table {
		if table[i].from == from && table[i].on == on {
			return table[i], true
		}
	}
	return transition[S, I]{}, false
}

// Diagram is one state machine of the meter, for documentation and its tests.
type Diagram struct {
	// Name is the name of the machine; About says what it does.
	Name, About string
	// Rows are its transitions.
	Rows []DiagramRow
}

// DiagramRow is one transition: its two states, its input, and the code of the reported event, 0 for none.
type DiagramRow struct {
	From, On, To string
	Code         Code
}

// Diagrams returns the state machines of the meter, drawn from the tables that Step runs. It allocates; it is for
// documentation.
func Diagrams() []Diagram {
	return []Diagram{
		diagram("Emergency credit", "State.EC. Only the customer activates it.", ecTable[:], EC.String, ecInputNames[:]),
		diagram("Relay", "State.Relay. Any reason in State.Reasons keeps it open. So does the wait after a power cut.",
			relayTable[:], supply.Relay.String, relayInputNames[:]),
		diagram("Power limit", "State.Overload. The states tripped and locked set the reason OVERLOAD; the state none clears it.",
			overloadTable[:], Overload.String, overloadInputNames[:]),
		diagram("Tamper latch", "One for each kind, in State.Asserted, State.Waiting and State.Latched. Any latched kind sets the"+
			" reason TAMPER. The event is the kind's own, 501 to 506.", tamperTable[:], latch.String, tamperInputNames[:]),
		diagram("Lease", "Wallet mode only: State.LeaseAt, the reason LEASE. When its time is over, lease_grace_wh of"+
			" the configuration says how much is left. A new lease has no energy left on it if the register has already reached"+
			" the lease's limit. The meter reports such a lease with event 805 too. The state is then \"nothing left\".",
			leaseTable[:], leaseState.String, leaseInputNames[:]),
		diagram("Clock", "State.Clock, as the host judges it.", clockTable[:], Clock.String, clockInputNames[:]),
		diagram("Friendly window", "State.Flags: FlagFriendly and FlagEnding.", friendlyTable[:], friendly.String, friendlyInputNames[:]),
	}
}

func diagram[S, I ~uint8](name, about string, table []transition[S, I], text func(S) string, inputs []string) Diagram {
	d := Diagram{Name: name, About: about}
	for _, t := range table {
		d.Rows = append(d.Rows, DiagramRow{From: text(t.from), On: inputs[t.on], To: text(t.to), Code: t.code})
	}
	return d
}
