package tokenizer

import "unsafe"

// view is a stretch of text on its way to ids.
type view struct {
	s     string // UTF-8
	first bool   // it begins where the text begins
	base  int    // where in the text it begins
	ends  []int  // where in the text each byte of s ends; nil if base and the byte's place say so, or no one asks
}

// end returns where in the text the first k bytes of the view end.
func (v *view) end(k int) int {
	switch {
	case k == 0:
		return v.base
	case v.ends == nil:
		return v.base + k
	}
	return v.ends[k-1]
}

func (v *view) sub(i, j int) view {
	w := view{s: v.s[i:j], first: v.first && i == 0, base: v.end(i)}
	if v.ends != nil {
		w.ends = v.ends[i:j]
	}
	return w
}

// rewrite collects changed text.
type rewrite struct {
	buf  []byte
	ends []int
}

func (w *rewrite) reset() { w.buf, w.ends = w.buf[:0], w.ends[:0] }

// copy appends v.s[i:j].
func (w *rewrite) copy(v *view, i, j int, spans bool) {
	w.buf = append(w.buf, v.s[i:j]...)
	if spans {
		for k := i + 1; k <= j; k++ {
			w.ends = append(w.ends, v.end(k))
		}
	}
}

// placed notes that what has been appended to buf stands for the text up to v.end(j), from v.end(i) on.
func (w *rewrite) placed(v *view, i, j int, spans bool) {
	if spans && len(w.ends) < len(w.buf) {
		for len(w.ends) < len(w.buf)-1 {
			w.ends = append(w.ends, v.end(i))
		}
		w.ends = append(w.ends, v.end(j))
	}
}

// view returns what has been collected in place of v. It is good until the next reset.
func (w *rewrite) view(v *view, spans bool) view {
	r := view{s: unsafe.String(unsafe.SliceData(w.buf), len(w.buf)), first: v.first, base: v.base}
	if spans {
		r.ends = w.ends
	}
	return r
}
