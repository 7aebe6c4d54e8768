package sim

// queue is the event queue of a street: a heap in which each house stands once, with its next time. Houses with the same
// time come in the order of their numbers, so that a seed has only one history.
type queue struct{ heap []moment }

// moment is the time at which a house is due, in milliseconds since the street began.
type moment struct {
	at    int64
	house int32
}

func (a moment) before(b moment) bool { return a.at < b.at || (a.at == b.at && a.house < b.house) }

func (q *queue) push(m moment) {
	q.heap = append(q.heap, m)
	for i := len(q.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !q.heap[i].before(q.heap[up]) {
			break
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

// first returns the earliest moment. The queue of a street is never empty.
func (q *queue) first() moment { return q.heap[0] }

// move sets the next time of the first house.
func (q *queue) move(at int64) {
	q.heap[0].at = at
	for i := 0; ; {
		least := i
		for _, down := range [...]int{2*i + 1, 2*i + 2} {
			if down < len(q.heap) && q.heap[down].before(q.heap[least]) {
				least = down
			}
		}
		if least == i {
			return
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
