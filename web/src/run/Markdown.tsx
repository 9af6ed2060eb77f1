//! Markdown as elements, from `marked`'s words: HTML in it is text, and addresses other than of the web are no links.
import { lexer, type Token, type Tokens } from 'marked';
import { Fragment, type ReactNode } from 'react';

const safe = (address: string) => /^(https?:|mailto:|#)/i.test(address.trim());

/** Entities that `marked` leaves in texts. */
const NAMES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const plain = (text: string) =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => NAMES[name] ?? '');

const all = (tokens: Token[] | undefined): ReactNode =>
  tokens?.map((token, at) => <Fragment key={at}>{element(token)}</Fragment>);

function list({ ordered, start, items }: Tokens.List): ReactNode {
  const entries = items.map((item, at) => (
    <li key={at}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} disabled aria-label="Task" />}
      {all(item.tokens)}
    </li>
  ));
  return ordered ? <ol start={Number(start) || 1}>{entries}</ol> : <ul>{entries}</ul>;
}

function table({ header, rows }: Tokens.Table): ReactNode {
  return (
    <table>
      <thead>
        <tr>
          {header.map((cell, at) => (
            <th key={at}>{all(cell.tokens)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, at) => (
          <tr key={at}>
            {row.map((cell, column) => (
              <td key={column}>{all(cell.tokens)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function element(token: Token): ReactNode {
  switch (token.type) {
    // A task's box is drawn by its list.
    case 'checkbox':
    case 'space':
      return null;
    case 'heading': {
      // The page has its own first headings.
      const Heading = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as 'h3';
      return <Heading>{all(token.tokens)}</Heading>;
    }
    case 'paragraph':
      return <p>{all(token.tokens)}</p>;
    case 'blockquote':
      return <blockquote>{all(token.tokens)}</blockquote>;
    case 'list':
      return list(token as Tokens.List);
    case 'table':
      return table(token as Tokens.Table);
    case 'code':
      return (
        <pre>
          <code>{token.text}</code>
        </pre>
      );
    case 'hr':
      return <hr />;
    case 'strong':
      return <strong>{all(token.tokens)}</strong>;
    case 'em':
      return <em>{all(token.tokens)}</em>;
    case 'del':
      return <del>{all(token.tokens)}</del>;
    case 'codespan':
      return <code>{plain(token.text)}</code>;
    case 'br':
      return <br />;
    case 'link':
      return safe(token.href) ? (
        <a href={token.href} rel="noopener noreferrer" target="_blank">
          {all(token.tokens)}
        </a>
      ) : (
        <>{all(token.tokens)}</>
      );
    // A picture from elsewhere would tell another host who reads this: its address is shown instead.
    case 'image':
      return (
        <span className="quiet">
          [{token.text || 'picture'}: {token.href}]
        </span>
      );
    case 'text':
    case 'escape':
      return 'tokens' in token && token.tokens ? all(token.tokens) : plain(token.text);
    default:
      return token.raw;
  }
}

export default function Markdown({ text }: { text: string }) {
  return <div className="markdown">{all(lexer(text))}</div>;
}
