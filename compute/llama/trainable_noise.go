package llama

import "math"

// mixed is the finaliser of splitmix64 (Steele, Lea and Flood, "Fast Splittable
// Pseudorandom Number Generators", 2014): a bijection that makes successive numbers look
// random.
func mixed(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// golden is splitmix64's step from one number to the next.
const golden = 0x9E3779B97F4A7C15

// noiseKey begins a sequence of random numbers of its own for each seed and place.
func noiseKey(seed, place uint64) uint64 {
	return mixed(mixed(seed+golden) + (place+1)*golden)
}

// dropKey is that of the elements that an adapter does not see.
func (t *Trainable) dropKey(layer int, p Projection) uint64 {
	return noiseKey(t.batch.Seed, uint64(layer*projections+int(p))+1)
}

// A number of 64 bits decides about dropEach elements, with 16 bits each: so a share of
// dropout is rounded to a multiple of 2^-16.
const dropEach = 4

// dropBound is below which 16 bits mean that an element is dropped.
func (t *Trainable) dropBound() uint64 {
	return min(uint64(math.Round(t.lora.Dropout*(1<<16))), 1<<16-1)
}

// drop returns rows of x as an adapter sees them: elements are 0, or made larger so that
// the mean stays.
func (t *Trainable) drop(x []float32, rows, cols, layer int, p Projection) []float32 {
	t.job.dst, t.job.x, t.job.rows, t.job.cols, t.job.key = t.room.dropped, x, rows, cols, t.dropKey(layer, p)
	t.pool.Run(tasksOf(rows), t.tasks.drop)
	return t.room.dropped
}

// addDropped is the backward pass of drop: it adds dropped dy to dx.
func (t *Trainable) addDropped(dx, dy []float32, rows, cols, layer int, p Projection) {
	t.job.dst, t.job.x, t.job.rows, t.job.cols, t.job.key = dx, dy, rows, cols, t.dropKey(layer, p)
	t.pool.Run(tasksOf(rows), t.tasks.addDropped)
}

// dropRow drops elements of x, of which the first is number first in all, and sets dst to
// what stays or, if add, adds that.
func dropRow(dst, x []float32, key, bound uint64, first int, add bool) {
	larger := float32(1 / (1 - float64(bound)/(1<<16)))
	var scales [1 << dropEach][dropEach]float32 // 0 or larger, by the bits of what stays
	for stays := range scales {
		for k := range dropEach {
			scales[stays][k] = larger * float32(stays>>k&1)
		}
	}
	bounds := bound * dropLow
	one := func(i int) {
		at := uint64(first + i)
		v := float32(x[i] * scales[dropStays(mixed(key+at/dropEach*golden), bounds)][at%dropEach])
		if add {
			v += dst[i]
		}
		dst[i] = v
	}
	i := 0
	for ; i < len(x) && (first+i)%dropEach != 0; i++ {
		one(i)
	}
	next := key + uint64(first+i)/dropEach*golden
	for ; i+dropEach <= len(x); i += dropEach {
		from, to := x[i:i+dropEach:i+dropEach], dst[i:i+dropEach:i+dropEach]
		scale := &scales[dropStays(mixed(next), bounds)]
		next += golden
		a, b, c, d := float32(from[0]*scale[0]), float32(from[1]*scale[1]), float32(from[2]*scale[2]), float32(from[3]*scale[3])
		if add {
			a, b, c, d = a+to[0], b+to[1], c+to[2], d+to[3]
		}
		to[0], to[1], to[2], to[3] = a, b, c, d
	}
	for ; i < len(x); i++ {
		one(i)
	}
}

// The lowest and the highest of each 16 bits.
const (
	dropLow  = 0x0001_0001_0001_0001
	dropHigh = 0x8000_8000_8000_8000
)

// dropStays returns a bit for each 16 bits, the lowest for the lowest: 1 if they are not below
// those of bounds. All four are compared at once, without a branch, which would be guessed
// wrong at random.
func dropStays(bits, bounds uint64) uint64 {
	rest := (bits | dropHigh) - bounds&^dropHigh // its highest bits: the lower 15 are not below
	not := (bits&^bounds | ^(bits^bounds)&rest) & dropHigh
	// The product has the highest bit of each 16 bits beside one another on top.
	return not * 0x0000_2000_4000_8001 >> 60
}

// addNoise adds uniform noise within bound to a row of embeddings.
func addNoise(x []float32, key uint64, first int, bound float32) {
	for i := range x {
		z := mixed(key + uint64(first+i)*golden)
		x[i] += float32((float32(z>>40)*(1.0/(1<<23)) - 1) * bound)
	}
}
