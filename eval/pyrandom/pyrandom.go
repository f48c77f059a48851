// Package pyrandom draws what Python's random module draws.
//
// lm-evaluation-harness takes the worked examples before a question from
// random.Random(1234).sample, and a different example is a different prompt. So the
// generator and the ways to draw from it are Python's to the bit (CPython 3.11:
// Modules/_randommodule.c, Lib/random.py), for whole seeds.
//
// The generator is MT19937 (Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS
// 8, 1998), seeded by init_by_array with the seed's 32-bit digits.
package pyrandom

import (
	"fmt"
	"math/bits"
)

const (
	stateLen = 624
	middle   = 397
)

// Random is random.Random(seed). It is not safe for concurrent use.
type Random struct {
	state [stateLen]uint32
	next  int // of state, to be used
}

// New is random.Random(seed). A negative seed counts as its magnitude, as in Python.
func New(seed int64) *Random {
	magnitude := uint64(seed)
	if seed < 0 {
		magnitude = -magnitude
	}
	key := []uint32{uint32(magnitude)}
	if high := uint32(magnitude >> 32); high != 0 {
		key = append(key, high)
	}
	r := &Random{next: stateLen}
	r.seed(key)
	return r
}

// seed is init_by_array of Matsumoto and Nishimura's mt19937ar.c.
func (r *Random) seed(key []uint32) {
	s := &r.state
	s[0] = 19650218
	for i := 1; i < stateLen; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	i, j := 1, 0
	step := func() {
		if i++; i == stateLen {
			s[0], i = s[stateLen-1], 1
		}
	}
	for range max(stateLen, len(key)) {
		s[i] = s[i] ^ (s[i-1]^s[i-1]>>30)*1664525
		s[i] += key[j] + uint32(j)
		step()
		j = (j + 1) % len(key)
	}
	for range stateLen - 1 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		step()
	}
	s[0] = 1 << 31
}

func (r *Random) refill() {
	s := &r.state
	for i := range s {
		y := s[i]&(1<<31) | s[(i+1)%stateLen]&(1<<31-1)
		s[i] = s[(i+middle)%stateLen] ^ y>>1 ^ -(y&1)&0x9908b0df
	}
	r.next = 0
}

// Uint32 is getrandbits(32).
func (r *Random) Uint32() uint32 {
	if r.next == stateLen {
		r.refill()
	}
	y := r.state[r.next]
	r.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// Float64 is random(), in [0, 1) in steps of 2^-53.
func (r *Random) Float64() float64 {
	a, b := r.Uint32()>>5, r.Uint32()>>6
	return float64(uint64(a)<<26|uint64(b)) / (1 << 53)
}

// Below is randrange(n), uniform in [0, n). Any n below 1 gives 0 and draws nothing.
func (r *Random) Below(n int) int {
	if n < 1 {
		return 0
	}
	k := bits.Len64(uint64(n))
	for {
		if v := r.bits(k); v < uint64(n) {
			return int(v)
		}
	}
}

// bits is getrandbits(k) for k of 1 to 64: the low digit is drawn first.
func (r *Random) bits(k int) uint64 {
	if k <= 32 {
		return uint64(r.Uint32() >> (32 - k))
	}
	low := uint64(r.Uint32())
	return low | uint64(r.Uint32()>>(64-k))<<32
}

// Sample is sample(range(n), k): k different numbers of [0, n), in the order drawn.
// A population in place of range(n) is drawn at the same positions. It is an error
// unless 0 <= k <= n.
func (r *Random) Sample(n, k int) ([]int, error) {
	if k < 0 || k > n {
		return nil, fmt.Errorf("a sample of %d out of %d", k, n)
	}
	drawn := make([]int, k)
	if n <= setSize(k) {
		pool := make([]int, n)
		for i := range pool {
			pool[i] = i
		}
		for i := range drawn {
			j := r.Below(n - i)
			drawn[i] = pool[j]
			pool[j] = pool[n-i-1]
		}
		return drawn, nil
	}
	seen := make(map[int]bool, k)
	for i := range drawn {
		j := r.Below(n)
		for seen[j] {
			j = r.Below(n)
		}
		seen[j] = true
		drawn[i] = j
	}
	return drawn, nil
}

// setSize is the memory Python reckons a set of k to take: up to populations of this
// size it draws from a list instead. It is 21, plus 4^ceil(log4(3k)) for k > 5.
func setSize(k int) int {
	size := 21
	if k > 5 {
		power := 1
		for power < 3*k {
			power *= 4
		}
		size += power
	}
	return size
}

// Shuffle is shuffle of a list of n, whose elements i and j swap exchanges.
func (r *Random) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.Below(i+1))
	}
}
