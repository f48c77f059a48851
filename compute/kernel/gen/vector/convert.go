package main

import "smelt/compute/kernel/internal/asm"

var (
	fromWords = asm.Layout([]string{"dst []float32", "src []uint16"}, nil)
	toWords   = asm.Layout([]string{"dst []uint16", "src []float32"}, nil)
)

var convert = operation{"convert", []kernel{{
	name: "fromBF16", comment: "Sets dst[i] to the bfloat16 src[i].",
	Signature: fromWords, whole: true,
	emit: func(f *function) {
		f.fromWords(func() {
			f.Do(`VPMOVZXWD H0, V0
				VPSLLD $16, V0, V0`)
		})
	},
}, {
	name: "fromFP16", comment: "Sets dst[i] to the half-precision src[i].",
	Signature: fromWords, whole: true,
	emit: func(f *function) {
		f.fromWords(func() { f.Do("VCVTPH2PS H0, V0") })
	},
}, {
	name: "toBF16", comment: "Sets dst[i] to src[i] in bfloat16.",
	Signature: toWords, whole: true,
	emit: func(f *function) {
		f.prepareBF16()
		f.toWords(f.roundBF16)
	},
	bf16: (*function).toBF16,
}, {
	name: "toFP16", comment: "Sets dst[i] to src[i] in half precision.",
	Signature: toWords, whole: true,
	emit: func(f *function) {
		f.toWords(func() { f.Do("VCVTPS2PH $0, V0, H0") })
	},
}}}

// fromWords loops over 16-bit elements in H0, which body makes 32-bit ones in V0.
func (f *function) fromWords(body func()) {
	f.slices("DI", "SI")
	f.Loop(asm.Loop{Name: "convert", Unroll: 4}, func(b asm.Block) {
		switch at := b.At("SI", 2); {
		case !f.Wide():
			f.Do("VMOVUPS %s, H0", at)
		case b.Tail:
			f.Do("VMOVDQU16.Z %s, K1, H0", at)
		default:
			f.Do("VMOVDQU16 %s, H0", at)
		}
		body()
		b.Store(0, "DI")
	})
	f.Return()
}

// toWords loops over 32-bit elements in V0, which body makes 16-bit ones in H0.
func (f *function) toWords(body func()) {
	f.slices("DI", "SI")
	f.Loop(asm.Loop{Name: "convert", Unroll: 4}, func(b asm.Block) {
		b.Load("SI", 0)
		body()
		f.storeWords(b)
	})
	f.Return()
}

func (f *function) storeWords(b asm.Block) {
	switch at := b.At("DI", 2); {
	case !f.Wide():
		f.Do("VMOVUPS H0, %s", at)
	case b.Tail:
		f.Do("VMOVDQU16 H0, K1, %s", at)
	default:
		f.Do("VMOVDQU16 H0, %s", at)
	}
}

var (
	lowBit   = constant{"lowBit", 1}
	halfLess = constant{"halfLess", 0x7fff}
	quiet    = constant{"quiet", 1 << 22}
)

func (f *function) prepareBF16() { f.prepare(lowBit, halfLess, quiet) }

// roundBF16 makes bfloat16 of V0, in H0, and uses V1 to V3. It adds just less
// than half of the last place kept, or half if that place is odd, so that the
// carry rounds to nearest even; to a NaN it sets the quiet bit instead, as the
// carry could turn it into infinity.
func (f *function) roundBF16() {
	if f.Wide() {
		f.Do(`VPSRLD $16, V0, V1
			VPANDD %s, V1, V1
			VPADDD V1, V0, V1
			VPADDD %s, V1, V1
			VCMPPS $3, V0, V0, K2
			VPORD %s, V0, K2, V1
			VPSRLD $16, V1, V1
			VPMOVDW V1, H0`, f.c(lowBit), f.c(halfLess), f.c(quiet))
		return
	}
	f.Do(`VPSRLD $16, V0, V1
		VPAND %s, V1, V1
		VPADDD V1, V0, V1
		VPADDD %s, V1, V1
		VPOR %s, V0, V2
		VCMPPS $3, V0, V0, V3
		VBLENDVPS V3, V2, V1, V1
		VPSRLD $16, V1, V1
		VPACKUSDW V1, V1, V1
		VPERMQ $0xd8, V1, V0`, f.c(lowBit), f.c(halfLess), f.c(quiet))
}

// toBF16 converts two vectors with one instruction. That one takes denormals for
// zero, so a pair with one among them is rounded as AVX-512 alone does it, and all
// tiers give the same bits.
func (f *function) toBF16() {
	const denormal = 0x20
	f.prepareBF16()
	f.slices("DI", "SI")
	var pair []asm.Block
	f.Loop(asm.Loop{Name: "convert", Unroll: 2}, func(b asm.Block) {
		switch {
		case b.Tail:
			b.Load("SI", 0)
			f.roundBF16()
			f.storeWords(b)
		case b.Index == 0:
			b.Load("SI", 4)
			pair = append(pair, b)
		default:
			b.Load("SI", 5)
			pair = append(pair, b)
			f.Do(`VFPCLASSPSZ $%[1]d, Z4, K2
				VFPCLASSPSZ $%[1]d, Z5, K3
				KORTESTW K2, K3
				JNE denormals`, denormal)
			f.Encoded(asm.VCVTNE2PS2BF16, 4, 5, 0)
			f.Do("VMOVUPS Z0, %s", pair[0].At("DI", 2))
			f.Label("converted")
		}
	})
	f.Return()

	f.Label("denormals")
	for i, b := range pair {
		f.Do("VMOVAPS Z%d, Z0", 4+i)
		f.roundBF16()
		f.storeWords(b)
	}
	f.Do("JMP converted")
}
