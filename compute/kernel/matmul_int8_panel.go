package kernel

// int8Form is what panels hold of weights of a format, as unsigned bytes q, and of the
// numbers to multiply them with, as int8 v. A group of elements along k shares the
// scales a and s:
//
//	w = a*(q - offset)  or, if least,  w = a*q - b        x = s*v
//
// so that a group adds s*a*(sum q*v - offset * sum v), or s*(a * sum q*v - b * sum v),
// to the product. The sums are exact in int32, and in fp32: they are below 2^24. Panels
// are of words of 32 bits, a word for each place:
//
//	A  [panel][group][word][12]   words of 4 v each, s, and what the group's sum starts
//	                              with: -offset * sum v; if least, -sum v in fp32
//	B  [panel][group][word][32]   words of 4 q each, a, and b if least
//
// Bytes of a word are in the order of k, the first the lowest.
type int8Form struct {
	words  int // of 4 elements in a group
	least  bool
	offset int32
}

// int8Form returns the form of a format.
func (f BlockFormat) int8Form() int8Form {
	switch f {
	case Q8_0:
		return int8Form{words: 8, offset: 128}
	case Q4_0:
		return int8Form{words: 8, offset: 8}
	case Q5_0:
		return int8Form{words: 8, offset: 16}
	case Q6K:
		return int8Form{words: 4, offset: 32}
	}
	return int8Form{words: 8, least: true}
}

// groups returns how many groups k elements are.
func (m int8Form) groups(k int) int { return k / (4 * m.words) }

// groupA and groupB return the words of a group at one place.
func (m int8Form) groupA() int { return m.words + 2 }

func (m int8Form) groupB() int {
	if m.least {
		return m.words + 2
	}
	return m.words + 1
}

// wordsA and wordsB return the words that k elements take at one place.
func (m int8Form) wordsA(k int) int { return m.groups(k) * m.groupA() }
func (m int8Form) wordsB(k int) int { return m.groups(k) * m.groupB() }

// int8Weights are weights as they are stored or packed.
type int8Weights struct {
	format BlockFormat
	stored []byte
	packed []uint32
}

// unpackChunk is how many elements of 32 rows are unpacked before they are transposed:
// so many stay in L1.
const unpackChunk = 512

// unpackRoom returns the words of scratch that unpack needs.
func (m int8Form) unpackRoom() int { return tileCols * m.wordsB(unpackChunk) }

// unpack makes a panel of the rows of weights from col on, of n in all, from element
// k0 of the whole row on, k elements.
func (m int8Form) unpack(pack packFunc, panel, room []uint32, w int8Weights, col, n, k0, k, whole int) {
	stride := w.format.Bytes(whole)
	rows := min(tileCols, n-col)
	for at := 0; at < k; at += unpackChunk {
		chunk := min(unpackChunk, k-at)
		words, bytes := m.wordsB(chunk), w.format.Bytes(chunk)
		ahead := bytes
		if at+chunk == k { // the beginning of the next panel
			ahead = tileCols*stride - w.format.Bytes(at)
		}
		from := w.stored[col*stride+w.format.Bytes(k0+at):]
		unpackRows(w.format, room, words, from, stride, rows, chunk/w.format.Elements(), ahead)
		pack(panel[m.wordsB(at)*tileCols:], tileCols, source{floats(room), words, true}, rows, words)
	}
}

// packInt8 lays out weights: [panel][group][word][32], see int8Form.
func packInt8(p *Pool, b right) []uint32 {
	form, pack := b.format.int8Form(), activeEngine().pack
	panel := form.wordsB(b.rows) * tileCols
	words := alignedWords(ceil(b.cols, tileCols) * panel)
	space := make([]scratch, p.Threads())
	p.Run(ceil(b.cols, tileCols), func(thread, task int) {
		room := space[thread].get(form.unpackRoom())
		form.unpack(pack, words[task*panel:][:panel], room, int8Weights{format: b.format, stored: b.blocks}, task*tileCols, b.cols, 0, b.rows, b.rows)
	})
	return words
}
