/* history_write: pages and conversations as JSON and Markdown. Pure, but that an answer which still runs on
 * this node is shown with its text so far. */
#ifndef LASTWORD_EDGE_HISTORY_WRITE_H
#define LASTWORD_EDGE_HISTORY_WRITE_H

#include "base/buf.h"
#include "core/node.h"
#include "core/owner.h"
#include "store/store.h"

/* {"object":"list","data":[{chat,title,created_ms,updated_ms,messages,snippet}],"next":string or null} */
void history_write_page(struct buf *out, const struct history_page *page);
/* {chat,title,created_ms,updated_ms,messages:[{id,parent,role,text,created_ms, and of an answer:
 * parts,gen,state, model,usage,timing,error,crc}]}, in order of recording. */
void history_write_tree(struct buf *out, struct node *n, const struct owner *owner,
                        const struct history_tree *tree);
/* The same for people: a heading a message. */
void history_write_markdown(struct buf *out, struct node *n, const struct owner *owner,
                            const struct history_tree *tree);

#endif
