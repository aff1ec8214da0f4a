import { mount } from 'svelte';
import App from './App.svelte';
import './styles/fonts.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/sidebar.css';
import './styles/conversation.css';
import './styles/prose.css';
import './styles/desk.css';
import './styles/overlays.css';
import './styles/narrow.css';

mount(App, { target: document.body });
