package llama

import (
	"fmt"
	"sync"
)

// pageRows is how many positions a page holds: few, for what a fork copies and what a
// short text leaves empty, and enough for attention to read memory in long runs. After
// 1,000 positions, SmolLM2-135M decodes some 4% faster than with 32 and up to 6% slower
// than with 128.
const pageRows = 64

// Cache holds the keys and values of the tokens a sequence has had, in all layers:
//
//	page          64 positions, shared by forks until one of them writes to it
//	  [layer][K, V][key head][position][HeadDim] fp32
//
// It belongs to the model that made it, and is for one goroutine at a time; forks are
// caches of their own. Release returns its pages to the model, which keeps them for
// others.
type Cache struct {
	store  *store
	pages  []*page
	length int
	k, v   [][][]float32 // [layer][page]
	run    uint64        // the last it was part of
}

type page struct {
	numbers []float32
	owners  int // caches that hold it, under store.mu
}

// store makes pages and takes them back.
type store struct {
	layers, kvHeads, dim int

	mu    sync.Mutex
	free  []*page
	made  int64 // pages
	limit int64 // bytes of pages, or 0 for any
}

func newStore(c *Config) store {
	return store{layers: c.Layers, kvHeads: c.KVHeads, dim: c.HeadDim}
}

// half returns how many numbers the keys of a layer have in a page.
func (s *store) half() int { return s.kvHeads * pageRows * s.dim }

func (s *store) pageBytes() int64 { return 4 * 2 * int64(s.layers) * int64(s.half()) }

// get returns a page of unknown content.
func (s *store) get() (*page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		p := s.free[n-1]
		s.free = s.free[:n-1]
		p.owners = 1
		return p, nil
	}
	if s.limit > 0 && (s.made+1)*s.pageBytes() > s.limit {
		return nil, fmt.Errorf("%d MB of keys and values are in use, and %d MB more are above the %d MB there may be: %w",
			mega(s.made*s.pageBytes()), mega(s.pageBytes()), mega(s.limit), ErrMemory)
	}
	s.made++
	return &page{numbers: make([]float32, s.pageBytes()/4), owners: 1}, nil
}

// release gives a cache's pages up.
func (s *store) release(pages []*page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pages {
		if p.owners--; p.owners == 0 {
			s.free = append(s.free, p)
		}
	}
}

// shared tells whether another cache holds the page, too.
func (s *store) shared(p *page) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.owners > 1
}

// CacheBytes returns how many bytes caches hold, pages that several share counted once,
// and how many are kept for others to come.
func (m *Model) CacheBytes() (held, kept int64) {
	m.pages.mu.Lock()
	defer m.pages.mu.Unlock()
	kept = int64(len(m.pages.free)) * m.pages.pageBytes()
	return m.pages.made*m.pages.pageBytes() - kept, kept
}

// NewCache returns the cache of a sequence without tokens.
func (m *Model) NewCache() *Cache {
	return &Cache{store: &m.pages, k: make([][][]float32, m.config.Layers), v: make([][][]float32, m.config.Layers)}
}

// Len returns how many tokens the sequence has had.
func (c *Cache) Len() int { return c.length }

// Fork returns a cache of the same sequence, which can go on differently. It copies
// nothing but a last page of which a part is free, when the first of the two goes on.
func (c *Cache) Fork() *Cache {
	f := &Cache{store: c.store, length: c.length, pages: append([]*page(nil), c.pages...)}
	f.k, f.v = make([][][]float32, len(c.k)), make([][][]float32, len(c.v))
	for i := range c.k {
		f.k[i], f.v[i] = append([][]float32(nil), c.k[i]...), append([][]float32(nil), c.v[i]...)
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	for _, p := range c.pages {
		p.owners++
	}
	return f
}

// Truncate forgets the tokens from n on, if there are more.
func (c *Cache) Truncate(n int) {
	c.length = max(min(n, c.length), 0)
	keep := (c.length + pageRows - 1) / pageRows
	c.store.release(c.pages[keep:])
	c.pages = c.pages[:keep]
	for i := range c.k {
		c.k[i], c.v[i] = c.k[i][:keep], c.v[i][:keep]
	}
}

// Release forgets all tokens and returns the pages. The cache can be used again.
func (c *Cache) Release() { c.Truncate(0) }

// reserve makes room for n more positions, which no other cache sees.
func (c *Cache) reserve(n int) error {
	if used := c.length % pageRows; n > 0 && used > 0 {
		last := c.length / pageRows
		if old := c.pages[last]; c.store.shared(old) {
			p, err := c.store.get()
			if err != nil {
				return err
			}
			c.store.copyRows(p, old, used)
			c.store.release(c.pages[last : last+1])
			c.put(last, p)
		}
	}
	for len(c.pages)*pageRows < c.length+n {
		p, err := c.store.get()
		if err != nil {
			return err
		}
		c.put(len(c.pages), p)
	}
	return nil
}

// put makes p a page of the cache, one of those it has or the next.
func (c *Cache) put(i int, p *page) {
	c.pages = append(c.pages[:i], p)
	half := c.store.half()
	for l := range c.k {
		at := p.numbers[2*l*half:]
		c.k[l], c.v[l] = append(c.k[l][:i], at[:half:half]), append(c.v[l][:i], at[half:2*half:2*half])
	}
}

// copyRows copies the first positions of a page.
func (s *store) copyRows(dst, src *page, rows int) {
	for head := 0; head < len(src.numbers); head += pageRows * s.dim {
		copy(dst.numbers[head:][:rows*s.dim], src.numbers[head:])
	}
}
