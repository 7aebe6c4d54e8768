package api

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter is a token bucket per network address in a map of bounded size. When the map is full, it forgets the address that was silent
// longest. That address then starts with a full bucket.
type limiter struct {
	rate  rate.Limit
	burst int
	max   int
	now   func() time.Time

	mu    sync.Mutex
	byIP  map[netip.Addr]*list.Element
	order *list.List // of *bucket, least recently seen first
}

type bucket struct {
	ip  netip.Addr
	lim *rate.Limiter
}

func newLimiter(perSecond float64, burst, max int, now func() time.Time) *limiter {
	return &limiter{rate: rate.Limit(perSecond), burst: burst, max: max, now: now, byIP: map[netip.Addr]*list.Element{}, order: list.New()}
}

// allow takes one request from the address's bucket. A zero rate allows everything.
func (l *limiter) allow(ip netip.Addr) bool {
	if l.rate == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ip = network(ip)
	e, ok := l.byIP[ip]
	if !ok {
		if l.order.Len() >= l.max {
			oldest := l.order.Front()
			delete(l.byIP, l.order.Remove(oldest).(*bucket).ip)
		}
		e = l.order.PushBack(&bucket{ip: ip, lim: rate.NewLimiter(l.rate, l.burst)})
		l.byIP[ip] = e
	}
	l.order.MoveToBack(e)
	return e.Value.(*bucket).lim.AllowN(l.now(), 1)
}

// network returns the part of an address that shares a bucket: the address itself, or for IPv6 its /64, which one customer
// usually has alone.
func network(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if !ip.Is6() {
		return ip
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip
	}
	return p.Addr()
}
