// Package chat holds conversations and renders them by a model's chat template.
//
// A model was trained on one way of writing a conversation down, with control
// tokens around every turn, and understands no other. The way is a template in
// the Jinja language that comes with the model:
//
//	turns      user "2+2?"  assistant "4"
//	template   {% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}
//
//	text       <|im_start|>user␤2+2?<|im_end|>␤<|im_start|>assistant␤4<|im_end|>␤
//	Content                     └──┘                                ╵
//	Learn                                                           └─────────┘
//
// Render gives the text, equal to what Hugging Face's transformers make of the
// same template, and Content: which of its bytes the conversation brought along.
// Every string knows where its bytes come from while a template works on it, so
// that this survives trimming, splitting, joining and JSON. Whoever tokenises the
// text must find control tokens outside of Content alone; "<|im_end|>" in a
// user's question is then ten ordinary characters. The text is still to be
// tokenised as a whole: Content forbids control tokens, it does not split words.
//
// Learn adds which bytes are the assistant's to say, the end-of-turn token
// included: the loss of training is taken over these.
//
// A template comes from a model that anyone may have published and is treated as
// hostile: it reads what it is given and makes text, cannot loop or grow without
// end, and every fault is an *Error with its line and column. Builtin has a few
// templates for models that come without one.
package chat
