package console

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/words"
)

// numbered leads through a list whose pages have numbers. A path is empty where there is no such page.
type numbered struct {
	Text                        string // which part of the list is shown; empty if all of it is
	First, Previous, Next, Last string
}

// numberedPages returns the pages around one that begins after first rows of all.
func numberedPages(path string, q url.Values, first, rows, all int) (n numbered) {
	if rows == all {
		return n
	}
	at := func(page int) string {
		next := url.Values{}
		for k, v := range q {
			if k != "page" {
				next[k] = v
			}
		}
		next.Set("page", strconv.Itoa(page))
		return path + "?" + next.Encode()
	}
	n.Text = strconv.Itoa(first+1) + "\u2013" + strconv.Itoa(first+rows) + " / " + strconv.Itoa(all)
	page := first/pageSize + 1
	if page > 1 {
		n.First, n.Previous = at(1), at(page-1)
	}
	if last := (all-1)/pageSize + 1; page < last {
		n.Next, n.Last = at(page+1), at(last)
	}
	return n
}

// orderOf reads what a list of meters is sorted by. An unknown order is that of the registration.
func orderOf(q url.Values) registry.Order {
	o := registry.Order(q.Get("sort"))
	if !slices.Contains(registry.Orders(), o) {
		return registry.Registered
	}
	return o
}

func orderChoices(t *words.Texts) (out []choice) {
	for _, o := range registry.Orders() {
		out = append(out, choice{string(o), orderWord(t, o)})
	}
	return out
}

func orderWord(t *words.Texts, o registry.Order) string {
	switch o {
	case registry.ByNumber:
		return t.MetersMeter()
	case registry.ByCustomer:
		return t.MetersCustomer()
	case registry.ByState:
		return t.MetersState()
	case registry.ByLeft:
		return t.MetersBalance()
	case registry.ByLoad:
		return t.MetersLoad()
	case registry.ByReading:
		return t.MetersLastReading()
	}
	return t.MetersRegistered()
}

// sortHead is the head of a column that sorts the list.
type sortHead struct {
	Path, Text, Class, Sorted string // Sorted is the value of aria-sort; empty if the list is sorted by something else
}

// sortHeads are the columns of the list of meters. Their links keep the filter.
func sortHeads(t *words.Texts, q url.Values, by registry.Order) (out []sortHead) {
	for _, o := range registry.Orders()[1:] {
		next := url.Values{}
		for k, v := range q {
			if k != "page" {
				next[k] = v
			}
		}
		next.Set("sort", string(o))
		h := sortHead{Path: "/meters?" + next.Encode(), Text: orderWord(t, o)}
		if o == registry.ByLeft || o == registry.ByLoad {
			h.Class = "num"
		}
		if o == by {
			h.Sorted = "ascending"
			if o == registry.ByLoad {
				h.Sorted = "descending"
			}
		}
		out = append(out, h)
	}
	return out
}
