// A link may name a place inside a page, which only the browser knows: it goes along with the form.
const next = document.querySelector('input[name="next"]');
if (next && location.hash) next.value += location.hash;
