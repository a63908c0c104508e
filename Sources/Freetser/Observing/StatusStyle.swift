// How the status page looks, and how it keeps itself up to date.

enum StatusStyle {
  /// The whole page.
  ///
  /// - Parameter nonce: Of the style and the script, which are then all that there may be.
  static func page(title: String, nonce: String, _ content: String) -> String {
    let title = escaped(title)
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="robots" content="noindex">
      <title>\(title)</title>
      <noscript><meta http-equiv="refresh" content="5"></noscript>
      <style nonce="\(nonce)">\(style)</style>
      </head>
      <body>
      <h1>\(title)</h1>
      <main id="live">
      \(content)</main>
      <script nonce="\(nonce)">\(script)</script>
      </body>
      </html>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
  }

  /// Follows the server while the page is seen. While there is no news the page is paler.
  private static let script = """

    const live = document.getElementById("live")
    let events
    function follow() {
      events?.close()
      if (document.hidden) return
      events = new EventSource(location.href)
      events.onmessage = event => {
        live.innerHTML = event.data
        document.body.className = ""
      }
      events.onerror = () => { document.body.className = "waiting" }
    }
    document.onvisibilitychange = follow
    follow()

    """

  private static let style = """

    :root {
      --page: #f4f5f7; --box: #fff; --line: #e2e5ea; --text: #1c2430; --pale: #5d6878;
      --accent: #2563c9; --ok: #2a8a5b; --moved: #2563c9; --theirs: #c77d0a; --ours: #c8323c;
      --other: #7a56c2; --none: #98a1ae;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #12161c; --box: #1b2129; --line: #2c343f; --text: #e6eaf0; --pale: #98a3b3;
        --accent: #6ba1f5; --ok: #4fb985; --moved: #6ba1f5; --theirs: #e0a44a; --ours: #ec6a72;
        --other: #a98be6; --none: #6f7a89;
      }
    }
    * { box-sizing: border-box; margin: 0; }
    body {
      background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif;
      max-width: 62rem; margin: 0 auto; padding: 1.25rem 1rem 2rem;
      font-variant-numeric: tabular-nums;
    }
    h1 { font-size: 1.4rem; line-height: 1.2; }
    h2 { font-size: .85rem; font-weight: 600; color: var(--pale); margin-bottom: .5rem; }
    main, .boxes, .tiles { display: grid; gap: .75rem; }
    .boxes { grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
    .tiles { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
    .waiting main { opacity: .5; }
    .waiting .since::after { content: " · waiting for news"; }
    section {
      background: var(--box); border: 1px solid var(--line); border-radius: .6rem;
      padding: .8rem 1rem; min-width: 0;
    }
    .since { color: var(--pale); margin-top: .1rem; }
    .tile h2 { margin-bottom: 0; }
    .tile p, .ends { color: var(--pale); font-size: .85rem; }
    .tile .value { color: var(--text); font-size: 1.7rem; font-weight: 650; line-height: 1.3; }
    svg { display: block; width: 100%; fill: var(--accent); }
    .minute { height: 5.5rem; border-bottom: 1px solid var(--line); }
    .ends { display: flex; justify-content: space-between; margin-top: .3rem; }
    .classes { height: .8rem; border-radius: .4rem; background: var(--line); margin-bottom: .5rem; }
    .bars svg { height: .7rem; }
    .ok { fill: var(--ok); background: var(--ok); }
    .moved { fill: var(--moved); background: var(--moved); }
    .theirs { fill: var(--theirs); background: var(--theirs); }
    .ours { fill: var(--ours); background: var(--ours); }
    .other { fill: var(--other); background: var(--other); }
    .none { fill: var(--none); background: var(--none); }
    i {
      display: inline-block; width: .65rem; height: .65rem; border-radius: .2rem; margin-right: .5rem;
    }
    table { border-collapse: collapse; width: 100%; }
    th { font-weight: 400; text-align: left; white-space: nowrap; padding: .12rem .8rem .12rem 0; }
    td { padding: .12rem 0; width: 100%; color: var(--pale); }
    td:last-child {
      width: auto; color: var(--text); text-align: right; white-space: nowrap; padding-left: .8rem;
    }
    dt { color: var(--pale); }
    dd { white-space: nowrap; }
    .row {
      display: grid; grid: auto auto / auto-flow max-content; justify-content: space-between;
      gap: 0 .5rem; margin-bottom: .6rem; max-width: 22rem;
    }
    .row dt { font-size: .85rem; }
    .row dd { font-weight: 600; }
    .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .12rem 2rem; }
    .facts div { display: flex; justify-content: space-between; }

    """
}
