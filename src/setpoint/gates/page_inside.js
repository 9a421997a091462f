// What a person would name on a page: role and name of visible elements, near to what browsers tell screen readers.
// It is put into every page before its own scripts, and asked by browser_inside.py.
(() => {
  const roles = {A: e => e.hasAttribute('href') ? 'link' : '', BUTTON: () => 'button', SELECT: () => 'combobox',
    TEXTAREA: () => 'textbox', IMG: e => e.getAttribute('alt') === '' ? 'presentation' : 'img', NAV: () => 'navigation',
    MAIN: () => 'main', FORM: () => 'form', TABLE: () => 'table', TR: () => 'row', TD: () => 'cell',
    TH: () => 'columnheader', UL: () => 'list', OL: () => 'list', LI: () => 'listitem', DIALOG: () => 'dialog',
    HEADER: () => 'banner', FOOTER: () => 'contentinfo', OPTION: () => 'option', ARTICLE: () => 'article',
    OUTPUT: () => 'status', PROGRESS: () => 'progressbar',
    INPUT: e => ({checkbox: 'checkbox', radio: 'radio', button: 'button', submit: 'button', reset: 'button',
      image: 'button', range: 'slider', number: 'spinbutton', search: 'searchbox', hidden: ''})[e.type] ?? 'textbox'};
  const role = e => e.getAttribute('role') || (/^H[1-6]$/.test(e.tagName) ? 'heading' : (roles[e.tagName] || (() => ''))(e));
  const shown = e => { const s = getComputedStyle(e), b = e.getBoundingClientRect();
    return s.visibility !== 'hidden' && s.display !== 'none' && (b.width > 0 || b.height > 0) && !e.closest('[aria-hidden="true"]'); };
  const tidy = t => (t || '').replace(/\s+/g, ' ').trim();
  const label = e => { const by = e.getAttribute('aria-labelledby');
    if (by) return tidy(by.split(/\s+/).map(i => document.getElementById(i)?.textContent || '').join(' '));
    if (e.getAttribute('aria-label')) return tidy(e.getAttribute('aria-label'));
    if (e.labels && e.labels.length) return tidy([...e.labels].map(l => l.textContent).join(' '));
    if (e.tagName === 'IMG') return tidy(e.alt);
    if (e.tagName === 'INPUT' && /^(submit|button|reset)$/.test(e.type)) return tidy(e.value) || e.type;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName)) return tidy(e.title || e.placeholder);
    return tidy(e.innerText || e.textContent) || tidy([...e.querySelectorAll('img')].map(i => i.alt).join(' ')) || tidy(e.title); };
  const all = () => [...document.querySelectorAll('body *')].filter(shown);
  const find = (wanted, name) => { const those = all().filter(e => role(e) === wanted);
    if (name === null) return those;
    const same = those.filter(e => label(e) === name);
    return same.length ? same : those.filter(e => label(e).toLowerCase().includes(name.toLowerCase())); };
  const fields = name => { const those = all().filter(e => /^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName) && e.type !== 'hidden'
      || e.isContentEditable && e.getAttribute('role') === 'textbox');
    const same = those.filter(e => label(e) === name || e.name === name || e.id === name);
    return same.length ? same : those.filter(e => label(e).toLowerCase().includes(name.toLowerCase())); };
  const press = name => { for (const kind of ['button', 'link', 'tab', 'menuitem', 'checkbox', 'radio', 'option']) {
      const those = find(kind, name); if (those.length) return those; } return []; };
  const where = e => { e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();
    return [b.x + b.width / 2, b.y + b.height / 2]; };
  const tell = e => (e.outerHTML.match(/^<[^>]*>/) || [''])[0].slice(0, 200);
  window.__setpoint = {
    text: () => document.body ? document.body.innerText : '',
    count: (r, n) => find(r, n).length,
    press: n => { const those = press(n); return {count: those.length, at: those.length ? where(those[0]) : null}; },
    fill: (n, value) => { const those = fields(n); if (those.length) { const e = those[0]; e.focus();
        if (e.tagName === 'SELECT') { const o = [...e.options].find(o => tidy(o.text) === value || o.value === value);
          if (!o) return {count: 0}; e.value = o.value; }
        else if (e.isContentEditable) e.textContent = value;
        else { const own = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(e), 'value'); own.set.call(e, value); }
        e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); }
      return {count: those.length}; },
    barriers: () => { const found = [], say = (rule, e) => found.push([rule, tell(e)]);
      if (!document.documentElement.lang) found.push(['the page names no language', '<html>']);
      if (!tidy(document.title)) found.push(['the page has no title', '<title>']);
      const ids = {}; for (const e of document.querySelectorAll('[id]')) { if (ids[e.id]) say('an id is there twice', e); ids[e.id] = 1; }
      for (const e of all()) { const r = role(e);
        if (e.tagName === 'IMG' && !e.hasAttribute('alt') && !label(e)) say('an image has no alternative text', e);
        if (['button', 'link'].includes(r) && !label(e)) say(`a ${r} has no name`, e);
        if (/^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName) && !['hidden', 'submit', 'button', 'reset', 'image'].includes(e.type) && !label(e))
          say('a field has no label', e);
        if (e.tabIndex > 0) say('a tab order of its own', e);
        if (e.getAttribute('aria-hidden') === 'true' && e.tabIndex >= 0) say('hidden from screen readers and reached by the keyboard', e); }
      return found.slice(0, 20); },
  };
})()
